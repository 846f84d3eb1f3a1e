//! Reading strangers' JSON without trusting its shape: named fields as raw text, each read apart.
//!
//! One field that makes no sense costs that field and nothing else. `null` counts as absent, the last of
//! repeated keys wins, and what nobody asks for is skipped without being built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use offhook_core::time::Time;

/// The named fields of an object; `None` when it is not one.
pub(super) fn fields<'a, const N: usize>(
    raw: &'a RawValue,
    names: &[&str; N],
) -> Option<[Option<&'a RawValue>; N]> {
    serde_json::Deserializer::from_str(raw.get()).deserialize_map(Fields(names)).ok()
}

/// The elements of an array, or the value itself when it is an object: Meta's lists have one element as a
/// rule, and some senders forget the brackets. Takes at most `budget` elements off it and returns how many
/// there were beyond.
pub(super) fn elements<'a>(raw: Option<&'a RawValue>, budget: &mut usize) -> (Vec<&'a RawValue>, usize) {
    let Some(raw) = raw else { return (Vec::new(), 0) };
    if raw.get().starts_with('{') {
        let fits = *budget > 0;
        *budget = budget.saturating_sub(1);
        return if fits { (vec![raw], 0) } else { (Vec::new(), 1) };
    }
    let read = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(Elements(*budget));
    let (taken, beyond) = read.unwrap_or_default();
    *budget -= taken.len();
    (taken, beyond)
}

/// A string, or an integer as its digits. Empty strings are absent: users with a username have those in
/// place of a phone number (whatsapp-calling.md 3.2). NUL is refused: databases cannot hold it.
pub(super) fn text(raw: Option<&RawValue>) -> Option<String> {
    let raw = raw?.get();
    let text = if raw.starts_with('"') {
        serde_json::from_str::<String>(raw).ok()?
    } else if raw.bytes().all(|b| b.is_ascii_digit()) {
        raw.to_owned()
    } else {
        return None;
    };
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

/// A text of at most `longest` characters.
pub(super) fn short_text(raw: Option<&RawValue>, longest: usize) -> Option<String> {
    text(raw).filter(|text| text.chars().nth(longest).is_none())
}

/// A text for people: control characters dropped, cut at `longest` characters.
pub(super) fn words(raw: Option<&RawValue>, longest: usize) -> Option<String> {
    let words: String = text(raw)?.chars().filter(|c| !c.is_control()).take(longest).collect();
    Some(words.trim().to_owned()).filter(|words| !words.is_empty())
}

/// A number, or a string of one.
pub(super) fn integer(raw: Option<&RawValue>) -> Option<i64> {
    let raw = raw?;
    raw.get().parse().ok().or_else(|| text(Some(raw))?.trim().parse().ok())
}

/// Unix seconds as a number or string; milliseconds are told by their size.
pub(super) fn time(raw: Option<&RawValue>) -> Option<Time> {
    const YEAR_5138: i64 = 100_000_000_000;
    match integer(raw)? {
        secs @ 1..YEAR_5138 => Some(Time::from_secs(secs)),
        millis @ YEAR_5138..=99_999_999_999_999 => Some(Time::from_micros(millis * 1_000)),
        _ => None,
    }
}

/// A boolean, or a string of one.
pub(super) fn flag(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get() == "true" || raw.get() == "\"true\"")
}

struct Fields<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for Fields<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(place) = map.next_key_seed(Place(self.0))? {
            match place {
                Some(place) => {
                    found[place] = Some(map.next_value::<&RawValue>()?).filter(|raw| raw.get() != "null");
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Which of the names a key is.
struct Place<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

struct Elements(usize);

impl<'de> Visitor<'de> for Elements {
    type Value = (Vec<&'de RawValue>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut taken = Vec::new();
        while taken.len() < self.0 {
            match seq.next_element::<&RawValue>()? {
                Some(element) => taken.push(element),
                None => return Ok((taken, 0)),
            }
        }
        let mut beyond = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            beyond += 1;
        }
        Ok((taken, beyond))
    }
}
