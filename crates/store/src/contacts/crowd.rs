//! How many a rule admits, and who of them came last.
//!
//! Each test is one query, most often of the one index that knows its answer, and what stands between the tests
//! (and, or, not) is arithmetic on bits. A query that joined the tests would look every contact of one test up in the
//! others, which takes several times as long once there are hundreds of thousands.

use offhook_core::contact::Contact;
use offhook_core::contact::rule::Rule;
use offhook_core::ports::Crowd;
use sqlx::AnyConnection;

use super::row::{COLUMNS, contact};
use super::rule;
use super::text::{Text, Value};
use crate::database::{Dialect, Step, Trouble, corrupt, field};

/// Places looked at together. A test's answer is a text of at most 32 MiB, and half a MiB of bits. In a debug build
/// a few dozen contacts need more than one.
const WINDOW: i64 = if cfg!(debug_assertions) { 32 } else { 1 << 22 };

/// Finds those a rule admits.
pub(super) async fn crowd(
    connection: &mut AnyConnection,
    dialect: Dialect,
    tenant: &str,
    rule: &Rule,
    newest: usize,
) -> Result<Crowd, Trouble> {
    let last = "SELECT MAX(place) AS last FROM contacts WHERE tenant = $1";
    let last = sqlx::query(last).bind(tenant.to_owned()).fetch_one(&mut *connection).await?;
    let Some(last) = field::<Option<i64>, _>(&last, "last")? else { return Ok(Crowd::default()) };
    let (mut count, mut places) = (0, Vec::new());
    for window in (0..=last / WINDOW).rev() {
        let size = WINDOW.min(last + 1 - window * WINDOW);
        let mut reader = Reader { connection, dialect, tenant, from: window * WINDOW, size };
        let found = reader.there(rule).await?;
        count += found.count();
        places.extend(found.newest(newest - places.len()).map(|place| window * WINDOW + place));
    }
    let newest = if places.is_empty() { Vec::new() } else { load(connection, tenant, &places).await? };
    Ok(Crowd { count, newest })
}

async fn load(connection: &mut AnyConnection, tenant: &str, places: &[i64]) -> Result<Vec<Contact>, Trouble> {
    let mut text = Text::new(&format!("SELECT {COLUMNS} FROM contacts c WHERE c.tenant = "));
    text.value(tenant).push(" AND c.place IN (").values(places.iter().map(|place| Value::Number(*place)));
    text.push(") ORDER BY c.place DESC");
    let rows = text.query().fetch_all(connection).await?;
    rows.iter().map(|row| contact(row).map(|(_, contact)| contact)).collect()
}

/// Asks the tests of a rule, in one window of places.
struct Reader<'a> {
    connection: &'a mut AnyConnection,
    dialect: Dialect,
    tenant: &'a str,
    from: i64,
    size: i64,
}

impl Reader<'_> {
    /// The contacts that are there and admitted.
    async fn there(&mut self, rule: &Rule) -> Result<Bits, Trouble> {
        let found = self.set(rule).await?;
        let Set { bits, all_but: true } = found else { return Ok(found.bits) };
        let mut everybody = Text::new("");
        everybody.push("contacts c WHERE c.tenant = ").value(self.tenant);
        let everybody = self.places("c.place", everybody).await?;
        Ok(everybody.without(&bits))
    }

    fn set<'r>(&'r mut self, rule: &'r Rule) -> Step<'r, Set> {
        Box::pin(async move {
            match rule {
                Rule::Is(field, test) => {
                    let (column, text) = rule::places(field, test, self.tenant, self.dialect);
                    Ok(Set { bits: self.places(column, text).await?, all_but: false })
                }
                Rule::Not(rule) => Ok(self.set(rule).await?.not()),
                Rule::All(rules) => self.all(rules.iter(), false).await,
                // One of them holds, unless none of them does.
                Rule::Any(rules) => Ok(self.all(rules.iter(), true).await?.not()),
            }
        })
    }

    /// Those whom all of the rules admit, or refuse.
    async fn all(&mut self, rules: impl Iterator<Item = &Rule> + Send, refuse: bool) -> Result<Set, Trouble> {
        let mut all = Set { bits: Bits::none(self.size), all_but: true };
        for rule in rules {
            let set = self.set(rule).await?;
            all = all.and(if refuse { set.not() } else { set });
            if all.is_empty() {
                break;
            }
        }
        Ok(all)
    }

    /// Where the rows of a query are, in this window.
    async fn places(&mut self, column: &str, from: Text) -> Result<Bits, Trouble> {
        // One row of text: a row for each place would take ten times as long to hand over.
        let joined = match self.dialect {
            Dialect::Sqlite => format!("SELECT group_concat({column}) AS places FROM "),
            Dialect::Postgres => format!("SELECT string_agg({column}::text, ',') AS places FROM "),
        };
        let mut text = from;
        text.sql.insert_str(0, &joined);
        // The plus keeps SQLite from taking an index of places for that of the test.
        let place = column.trim_start_matches("DISTINCT ");
        text.push(&format!(" AND +{place} >= ")).value(Value::Number(self.from));
        text.push(&format!(" AND +{place} < ")).value(Value::Number(self.from + self.size));
        let row = text.query().fetch_one(&mut *self.connection).await?;
        let mut bits = Bits::none(self.size);
        for place in field::<Option<&str>, _>(&row, "places")?.iter().flat_map(|text| text.split(',')) {
            let place: i64 = place.parse().map_err(|_| corrupt("contacts.place"))?;
            bits.put(place - self.from);
        }
        Ok(bits)
    }
}

/// Some places, or all but some.
struct Set {
    bits: Bits,
    all_but: bool,
}

impl Set {
    fn not(self) -> Self {
        Self { all_but: !self.all_but, ..self }
    }

    fn and(self, other: Self) -> Self {
        let (bits, all_but) = match (self.all_but, other.all_but) {
            (false, false) => (self.bits.with(&other.bits, |a, b| a & b), false),
            (false, true) => (self.bits.without(&other.bits), false),
            (true, false) => (other.bits.without(&self.bits), false),
            (true, true) => (self.bits.with(&other.bits, |a, b| a | b), true),
        };
        Self { bits, all_but }
    }

    fn is_empty(&self) -> bool {
        !self.all_but && self.bits.0.iter().all(|word| *word == 0)
    }
}

/// A bit for each place of a window.
struct Bits(Vec<u64>);

impl Bits {
    fn none(size: i64) -> Self {
        Self(vec![0; usize::try_from(size).unwrap_or(0).div_ceil(64)])
    }

    fn put(&mut self, place: i64) {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    fn with(mut self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine = join(*mine, *theirs));
        self
    }

    fn without(self, other: &Self) -> Self {
        self.with(other, |a, b| a & !b)
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The greatest places, the greatest first.
    fn newest(&self, most: usize) -> impl Iterator<Item = i64> {
        let words = self.0.iter().enumerate().rev();
        let bits = words.flat_map(|(index, word)| {
            let set = (0..64).rev().filter(move |bit| word >> bit & 1 == 1);
            set.filter_map(move |bit| i64::try_from(index * 64 + bit).ok())
        });
        bits.take(most)
    }
}
