//! Segment rules as JSON: read once, refused with the path of what is wrong.
//!
//! An object's members must all hold. A member is a field with a value it equals, or with an object of operators;
//! or `$and` and `$or` with a list, or `$not` with an object. Fields: `phone`, `email`, `first_name`, `last_name`,
//! `profile_name`, `country_code`, `lifecycle_stage`, `created_at`, `updated_at`, `tags`, `metadata.path`.

use offhook_core::contact::rule::{Field, LONGEST_PATH, Rule, Scalar, Side, Test};
use offhook_core::phone::Phone;
use serde_json::{Map, Value};

use super::super::error::ApiError;
use crate::manners::moment;

/// Members, operators and list entries of one expression. More is no segment that anybody understands, and each
/// is a part of one SQL statement.
const MOST_PARTS: usize = 100;

/// How deep expressions stand in one another.
const DEEPEST: usize = 8;

/// Longest text of a rule.
const LONGEST: usize = 500;

struct Reader {
    parts: usize,
}

/// Reads rules, or tells where they are wrong.
pub(super) fn read(rules: &Value) -> Result<Rule, ApiError> {
    let mut reader = Reader { parts: 0 };
    reader.object(rules, "rules", 0)
}

fn wrong(path: &str, why: impl std::fmt::Display) -> ApiError {
    ApiError::invalid(path, format!("{path}: {why}"))
}

impl Reader {
    fn object(&mut self, value: &Value, path: &str, depth: usize) -> Result<Rule, ApiError> {
        let Value::Object(members) = value else { return Err(wrong(path, "must be an object")) };
        if depth > DEEPEST {
            return Err(wrong(path, format_args!("stands deeper than {DEEPEST} expressions")));
        }
        let mut all = Vec::with_capacity(members.len());
        for (name, value) in members {
            let path = format!("{path}.{name}");
            self.count(&path)?;
            all.push(match name.as_str() {
                "$and" => Rule::All(self.list(value, &path, depth)?),
                "$or" => Rule::Any(self.list(value, &path, depth)?),
                "$not" => Rule::Not(Box::new(self.object(value, &path, depth + 1)?)),
                name if name.starts_with('$') => {
                    return Err(wrong(&path, "is none of $and, $or, $not"));
                }
                name => self.field(name, value, &path)?,
            });
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Rule::All(all) })
    }

    fn list(&mut self, value: &Value, path: &str, depth: usize) -> Result<Vec<Rule>, ApiError> {
        let Value::Array(entries) = value else { return Err(wrong(path, "must be a list of objects")) };
        if entries.is_empty() {
            return Err(wrong(path, "is empty"));
        }
        let entries = entries.iter().enumerate();
        entries.map(|(at, entry)| self.object(entry, &format!("{path}[{at}]"), depth + 1)).collect()
    }

    fn field(&mut self, name: &str, value: &Value, path: &str) -> Result<Rule, ApiError> {
        let field = field(name).ok_or_else(|| wrong(path, "is not a field of contacts"))?;
        match value {
            Value::Object(operators) if !operators.is_empty() => {
                let mut all = Vec::with_capacity(operators.len());
                for (operator, value) in operators {
                    let path = format!("{path}.{operator}");
                    self.count(&path)?;
                    all.push(self.operator(&field, operator, value, &path)?);
                }
                Ok(if all.len() == 1 { all.remove(0) } else { Rule::All(all) })
            }
            Value::Object(_) => Err(wrong(path, "has no operator")),
            value => equals(&field, value, path),
        }
    }

    fn operator(&mut self, field: &Field, word: &str, value: &Value, path: &str) -> Result<Rule, ApiError> {
        let not = |rule| Rule::Not(Box::new(rule));
        let is = |test| Ok(Rule::Is(field.clone(), test));
        match word {
            "$eq" => equals(field, value, path),
            "$ne" => Ok(not(equals(field, value, path)?)),
            "$in" => is(Test::In(self.many(field, value, path)?)),
            "$nin" => Ok(not(Rule::Is(field.clone(), Test::In(self.many(field, value, path)?)))),
            "$contains" => is(Test::Contains(part(field, value, path)?)),
            "$starts_with" => is(Test::StartsWith(part(field, value, path)?)),
            "$gt" => is(compares(field, Side::Above, value, path)?),
            "$gte" => is(compares(field, Side::From, value, path)?),
            "$lt" => is(compares(field, Side::Below, value, path)?),
            "$lte" => is(compares(field, Side::UpTo, value, path)?),
            "$exists" => match value {
                Value::Bool(true) => is(Test::Exists),
                Value::Bool(false) => Ok(not(Rule::Is(field.clone(), Test::Exists))),
                _ => Err(wrong(path, "must be true or false")),
            },
            "$not" => {
                let Value::Object(_) = value else {
                    return Err(wrong(path, "must be an object of operators"));
                };
                self.count(path)?;
                let Value::Object(operators) = value else { return Err(wrong(path, "must be an object")) };
                let inner: Map<String, Value> = operators.clone();
                let mut all = Vec::new();
                for (operator, value) in &inner {
                    let path = format!("{path}.{operator}");
                    if operator == "$not" {
                        return Err(wrong(&path, "cannot stand in itself"));
                    }
                    all.push(self.operator(field, operator, value, &path)?);
                }
                Ok(not(Rule::All(all)))
            }
            _ => Err(wrong(
                path,
                "is none of $eq, $ne, $in, $nin, $contains, $starts_with, $gt, $gte, $lt, $lte, $exists, $not",
            )),
        }
    }

    fn many(&mut self, field: &Field, value: &Value, path: &str) -> Result<Vec<Scalar>, ApiError> {
        let Value::Array(entries) = value else { return Err(wrong(path, "must be a list of values")) };
        let mut all = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let path = format!("{path}[{at}]");
            self.count(&path)?;
            all.push(scalar(field, entry, &path)?);
        }
        Ok(all)
    }

    fn count(&mut self, path: &str) -> Result<(), ApiError> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            Err(wrong(path, format_args!("rules have more than {MOST_PARTS} parts")))
        } else {
            Ok(())
        }
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "phone" => Field::Phone,
        "email" => Field::Email,
        "first_name" => Field::FirstName,
        "last_name" => Field::LastName,
        "profile_name" => Field::ProfileName,
        "country_code" => Field::CountryCode,
        "lifecycle_stage" => Field::LifecycleStage,
        "created_at" => Field::CreatedAt,
        "updated_at" => Field::UpdatedAt,
        "tags" => Field::Tags,
        name => {
            let path = name.strip_prefix("metadata.")?;
            let fits = !path.is_empty() && path.len() <= LONGEST_PATH && !path.contains('\0');
            return fits.then(|| Field::Metadata(path.to_owned()));
        }
    })
}

/// Null is the absence of a value.
fn equals(field: &Field, value: &Value, path: &str) -> Result<Rule, ApiError> {
    if value.is_null() {
        return Ok(Rule::Not(Box::new(Rule::Is(field.clone(), Test::Exists))));
    }
    Ok(Rule::Is(field.clone(), Test::In(vec![scalar(field, value, path)?])))
}

fn part(field: &Field, value: &Value, path: &str) -> Result<String, ApiError> {
    if matches!(field, Field::CreatedAt | Field::UpdatedAt) {
        return Err(wrong(path, "is for text, and this is an instant: use $gt, $gte, $lt, $lte"));
    }
    match value {
        Value::String(text) => fits(text, path).map(|()| text.clone()),
        _ => Err(wrong(path, "must be text")),
    }
}

fn compares(field: &Field, side: Side, value: &Value, path: &str) -> Result<Test, ApiError> {
    if *field == Field::Tags {
        return Err(wrong(path, "tags have no order"));
    }
    match scalar(field, value, path)? {
        Scalar::Bool(_) => Err(wrong(path, "true and false have no order")),
        bound => Ok(Test::Compares(side, bound)),
    }
}

/// A value of the field's kind, in the form it is stored in.
fn scalar(field: &Field, value: &Value, path: &str) -> Result<Scalar, ApiError> {
    match (field, value) {
        (Field::CreatedAt | Field::UpdatedAt, Value::String(text)) => {
            let time = moment::read(text)
                .ok_or_else(|| wrong(path, "must be a date, or a date and time with its offset"))?;
            Ok(Scalar::Time(time))
        }
        (Field::CreatedAt | Field::UpdatedAt, _) => Err(wrong(path, "must be a date as text")),
        (Field::Metadata(_), Value::Number(number)) => {
            number.as_f64().map(Scalar::Number).ok_or_else(|| wrong(path, "is too large a number"))
        }
        (Field::Metadata(_), Value::Bool(yes)) => Ok(Scalar::Bool(*yes)),
        (_, Value::String(text)) => {
            fits(text, path)?;
            Ok(Scalar::Text(match field {
                Field::Phone => Phone::parse(text).map_or_else(|_| text.clone(), |phone| phone.reveal()),
                Field::Email => text.to_lowercase(),
                Field::CountryCode => text.to_ascii_uppercase(),
                _ => text.clone(),
            }))
        }
        (Field::Metadata(_), _) => Err(wrong(path, "must be text, a number, true or false")),
        (_, _) => Err(wrong(path, "must be text")),
    }
}

fn fits(text: &str, path: &str) -> Result<(), ApiError> {
    if text.is_empty() || text.chars().count() > LONGEST || text.contains('\0') {
        return Err(wrong(path, format_args!("must be text of 1 to {LONGEST} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.to_owned())
    }

    #[test]
    fn the_providers_sample_is_read() {
        let rules =
            json!({"country_code": "US", "lifecycle_stage": "lead", "tags": {"$contains": "enterprise"}});
        let expected = Rule::All(vec![
            Rule::Is(Field::CountryCode, Test::In(vec![text("US")])),
            Rule::Is(Field::LifecycleStage, Test::In(vec![text("lead")])),
            Rule::Is(Field::Tags, Test::Contains("enterprise".to_owned())),
        ]);
        assert_eq!(read(&rules).unwrap(), expected);
    }

    #[test]
    fn expressions_stand_in_one_another() {
        let rules = json!({"$or": [{"metadata.seats": {"$gte": 3, "$lt": 10}}, {"$not": {"phone": {"$exists": true}}}]});
        let seats = |side, bound| {
            Rule::Is(Field::Metadata("seats".to_owned()), Test::Compares(side, Scalar::Number(bound)))
        };
        let expected = Rule::Any(vec![
            Rule::All(vec![seats(Side::From, 3.0), seats(Side::Below, 10.0)]),
            Rule::Not(Box::new(Rule::Is(Field::Phone, Test::Exists))),
        ]);
        assert_eq!(read(&rules).unwrap(), expected);
        let not = json!({"first_name": {"$not": {"$contains": "test"}}});
        assert!(matches!(read(&not).unwrap(), Rule::Not(_)));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let check = |rules: Value, path: &str| {
            let error = read(&rules).unwrap_err().body();
            assert_eq!(error["details"]["field"], path, "{error}");
        };
        check(json!([]), "rules");
        check(json!({"shoe_size": 42}), "rules.shoe_size");
        check(json!({"tags": {"$like": "x"}}), "rules.tags.$like");
        check(json!({"tags": {"$gt": "x"}}), "rules.tags.$gt");
        check(json!({"$or": [{"email": 3}]}), "rules.$or[0].email");
        check(json!({"$and": []}), "rules.$and");
        check(json!({"$xor": []}), "rules.$xor");
        check(json!({"created_at": {"$gt": "soon"}}), "rules.created_at.$gt");
        check(json!({"created_at": {"$contains": "2026"}}), "rules.created_at.$contains");
        check(json!({"metadata.x": {"$in": ["a", {}]}}), "rules.metadata.x.$in[1]");
        check(json!({"metadata.x": {"$lt": true}}), "rules.metadata.x.$lt");
        check(json!({"first_name": {}}), "rules.first_name");
        check(json!({"first_name": {"$exists": 1}}), "rules.first_name.$exists");
        let deep = (0..20).fold(json!({"first_name": "x"}), |inner, _| json!({"$not": inner}));
        assert!(read(&deep).is_err());
        let many: Vec<Value> = (0..200).map(|n| json!(n.to_string())).collect();
        assert!(read(&json!({"first_name": {"$in": many}})).is_err());
    }
}
