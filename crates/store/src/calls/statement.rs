//! SQL with a number of values that is known only when it is written.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyPool, AssertSqlSafe};

use crate::database::Trouble;

/// A value to be bound.
pub(super) enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// A text and its values, numbered as they come.
#[derive(Default)]
pub(super) struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    /// Adds text. Each `?` in it stands for the next value and becomes `$n`.
    pub(super) fn push(&mut self, text: &str, values: impl IntoIterator<Item = Value>) {
        let mut number = self.values.len();
        for part in text.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(before) => {
                    number += 1;
                    self.sql.push_str(&format!("{before}${number}"));
                }
                None => self.sql.push_str(part),
            }
        }
        self.values.extend(values);
        assert_eq!(number, self.values.len(), "every ? has its value");
    }

    /// Adds a condition to those before.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.push(condition, values);
    }

    /// Adds `column IN (…)`.
    pub(super) fn and_in<'a>(&mut self, column: &str, values: impl ExactSizeIterator<Item = &'a str>) {
        let marks = vec!["?"; values.len()].join(", ");
        self.and(&format!("{column} IN ({marks})"), values.map(Value::from));
    }

    pub(super) async fn fetch(self, reader: &AnyPool) -> Result<Vec<AnyRow>, Trouble> {
        let mut query: Query<'_, Any, AnyArguments> = sqlx::query(AssertSqlSafe(self.sql));
        for value in self.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        Ok(query.fetch_all(reader).await?)
    }
}
