//! Bodies as the providers document them, and how an answer of ours is held against one.
//!
//! Each file of `documented/` has the provider's own sample, word for word, and says where it is from. An answer
//! has its keys and no others but those that are stated as ours; its values are of the sample's kinds (an id, a
//! moment, a number), and its words are the sample's words.

use serde::Deserialize;
use serde_json::Value;

use crate::stage::root;

/// One sample.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    /// The page it is from.
    source: String,
    body: Value,
    /// Keys that an answer may have besides; `*` is any.
    #[serde(default)]
    ours: Vec<String>,
    /// Keys of the sample that an answer may lack or leave null: what they tell is not known here.
    #[serde(default)]
    unknown: Vec<String>,
    /// Keys whose words are free, and those whose yes or no is.
    #[serde(default)]
    free: Vec<String>,
}

/// Holds a body against a sample.
pub(crate) fn check(name: &str, body: &Value) {
    let path = root().join(format!("tests/house/documented/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} is there", path.display()));
    let sample: Sample = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
    let mut differences = Vec::new();
    sample.compare("", "", &sample.body, body, &mut differences);
    assert!(differences.is_empty(), "{name} ({}): {differences:#?}\n{body:#}", sample.source);
}

impl Sample {
    fn compare(
        &self,
        path: &str,
        key: &str,
        documented: &Value,
        body: &Value,
        differences: &mut Vec<String>,
    ) {
        let named = |names: &[String]| names.iter().any(|name| name == key);
        match (documented, body) {
            (Value::Object(documented), Value::Object(body)) => {
                for (key, value) in documented {
                    let path = format!("{path}/{key}");
                    match body.get(key) {
                        Some(found) => self.compare(&path, key, value, found, differences),
                        None if self.unknown.contains(key) => {}
                        None => differences.push(format!("{path} is missing")),
                    }
                }
                let ours = |key: &String| self.ours.iter().any(|ours| ours == key || ours == "*");
                let more = body.keys().filter(|key| !documented.contains_key(*key) && !ours(key));
                differences.extend(more.map(|key| format!("{path}/{key} is not documented")));
            }
            (Value::Array(documented), Value::Array(body)) => {
                let Some(first) = documented.first() else { return };
                if body.is_empty() {
                    differences.push(format!("{path} is empty"));
                }
                for (nth, found) in body.iter().enumerate() {
                    self.compare(&format!("{path}/{nth}"), key, first, found, differences);
                }
            }
            (_, Value::Null) if named(&self.unknown) => {}
            (Value::String(documented), Value::String(body)) => {
                let alike = named(&self.free) || documented == body || {
                    let kind = kind(documented);
                    kind != Kind::Word && kind == self::kind(body)
                };
                if !alike {
                    differences.push(format!("{path}: {body:?} is not like {documented:?}"));
                }
            }
            (Value::Bool(_), Value::Bool(_)) if named(&self.free) => {}
            (Value::Number(documented), Value::Number(body)) if documented.is_u64() == body.is_u64() => {}
            (documented, body) if documented == body => {}
            (documented, body) => differences.push(format!("{path}: {body} is not like {documented}")),
        }
    }
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Uuid,
    /// RFC 3339 in UTC, and how many digits follow the second.
    Moment(usize),
    Phone,
    /// Digits alone: Unix seconds have ten.
    Seconds,
    Digits,
    Sdp,
    Money,
    Url,
    /// An id, by what it begins with.
    Id(String),
    Word,
}

fn kind(text: &str) -> Kind {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let uuid = || {
        let parts: Vec<usize> = text.split('-').map(str::len).collect();
        parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    let moment = || {
        let rest = text.strip_suffix('Z')?.get(19..)?;
        let begins = text.get(4..5) == Some("-") && text.get(10..11) == Some("T");
        begins.then(|| rest.trim_start_matches('.').len())
    };
    let money = || text.split_once('.').is_some_and(|(whole, part)| digits(whole) && digits(part));
    match text {
        _ if uuid() => Kind::Uuid,
        _ if moment().is_some() => Kind::Moment(moment().unwrap_or_default()),
        _ if text.strip_prefix('+').is_some_and(digits) => Kind::Phone,
        _ if digits(text) && text.len() == 10 => Kind::Seconds,
        _ if digits(text) => Kind::Digits,
        _ if money() => Kind::Money,
        _ if text.starts_with("v=0\r\n") => Kind::Sdp,
        _ if text.starts_with("https://") || text.starts_with("http://") => Kind::Url,
        _ if text.starts_with("wacid.") => Kind::Id("wacid".to_owned()),
        _ => {
            let beginnings =
                ["wac_", "evt_", "req_", "MA_", "wh_", "whsec_", "cur_", "usr_", "con_", "lst_", "seg_"];
            let found = beginnings.iter().find(|beginning| text.starts_with(**beginning));
            found.map_or(Kind::Word, |beginning| Kind::Id((*beginning).to_owned()))
        }
    }
}
