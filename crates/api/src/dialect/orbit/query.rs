//! What a list of calls was asked for (provider-apis.md 2.9.4).

use std::collections::BTreeSet;

use offhook_core::call::CallRecord;
use offhook_core::house::BusinessNumber;
use offhook_core::id::NumberId;
use offhook_core::meta::Direction;
use offhook_core::ports::CallFilter;
use offhook_core::time::Time;

use super::error::ApiError;
use super::status;
use crate::manners::moment;

/// Rows of a page unless the client says otherwise, and at most.
const ROWS: u32 = 25;
const MOST_ROWS: u32 = 200;

/// Parameters that narrow the list, in the order a cursor signs them.
const FILTERS: [&str; 6] = ["status", "direction", "waba_id", "phone_number_id", "start", "end"];

#[derive(Debug)]
pub(super) struct ListQuery {
    /// What the store can narrow by.
    pub(super) filter: CallFilter,
    /// What it cannot: the words wanted, when any are.
    words: Vec<String>,
    /// The numbers wanted, when not all are.
    numbers: Option<BTreeSet<NumberId>>,
    pub(super) cursor: Option<String>,
    pub(super) limit: u32,
    /// The filters as a cursor signs them.
    pub(super) signature: String,
}

impl ListQuery {
    /// Reads the query. `numbers` are those the caller may see.
    pub(super) fn read(pairs: &[(String, String)], numbers: &[BusinessNumber]) -> Result<Self, ApiError> {
        let pairs = Pairs(pairs);
        if pairs.find("q")?.is_some() {
            return Err(ApiError::invalid(
                "q",
                "searching calls is not available in this version: leave 'q' out",
            ));
        }
        let words = words(pairs.find("status")?)?;
        let mut query = Self {
            filter: CallFilter {
                states: words
                    .iter()
                    .flat_map(|word| status::states(word))
                    .map(|state| (*state, None))
                    .collect(),
                direction: pairs.find("direction")?.map(direction).transpose()?,
                from: pairs.time("start")?,
                until: pairs.time("end")?,
                ..CallFilter::default()
            },
            words,
            numbers: None,
            cursor: pairs.find("cursor")?.map(str::to_owned),
            limit: pairs.find("limit")?.map_or(Ok(ROWS), limit)?,
            signature: pairs.signature_of(&FILTERS)?,
        };
        let (waba, meta_id) = (pairs.find("waba_id")?, pairs.find("phone_number_id")?);
        if waba.is_some() || meta_id.is_some() {
            let wanted = |number: &&BusinessNumber| {
                waba.is_none_or(|waba| number.waba_id == waba)
                    && meta_id.is_none_or(|meta_id| number.meta_id.as_str() == meta_id)
            };
            query.only(numbers.iter().filter(wanted).map(|number| number.id.clone()).collect());
        }
        Ok(query)
    }

    /// Narrows to some numbers.
    pub(super) fn only(&mut self, numbers: BTreeSet<NumberId>) {
        let numbers = match self.numbers.take() {
            Some(known) => known.intersection(&numbers).cloned().collect(),
            None => numbers,
        };
        self.filter.number = numbers.first().filter(|_| numbers.len() == 1).cloned();
        self.numbers = Some(numbers);
    }

    /// Whether nothing can be found.
    pub(super) fn is_hopeless(&self) -> bool {
        self.numbers.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Whether a call that the store found is wanted.
    pub(super) fn admits(&self, call: &CallRecord) -> bool {
        (self.words.is_empty() || self.words.iter().any(|word| word == status::word(call)))
            && self.numbers.as_ref().is_none_or(|numbers| numbers.contains(&call.number))
    }
}

/// A request's parameters.
pub(super) struct Pairs<'a>(pub(super) &'a [(String, String)]);

impl<'a> Pairs<'a> {
    /// A parameter; an empty one counts as left out.
    pub(super) fn find(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        let first = found.next().map(|(_, value)| value.as_str());
        if found.next().is_some() {
            return Err(ApiError::invalid(name, format!("parameter '{name}' is given twice")));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Time>, ApiError> {
        let Some(text) = self.find(name)? else { return Ok(None) };
        let at = moment::read(text);
        let problem =
            || ApiError::invalid(name, format!("parameter '{name}' must be a date or an RFC 3339 time"));
        at.map(Some).ok_or_else(problem)
    }

    /// Parameters as a cursor signs them.
    pub(super) fn signature_of(&self, names: &[&str]) -> Result<String, ApiError> {
        let mut text = String::new();
        for name in names {
            if let Some(value) = self.find(name)? {
                text.push_str(&format!("{name}={}:{value}\n", value.len()));
            }
        }
        Ok(text)
    }
}

fn words(csv: Option<&str>) -> Result<Vec<String>, ApiError> {
    let words = csv.into_iter().flat_map(|csv| csv.split(',')).map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let known = status::WORDS.contains(&word).then(|| word.to_owned());
            let allowed = status::WORDS.join(", ");
            known.ok_or_else(|| ApiError::invalid("status", format!("'status' takes any of: {allowed}")))
        })
        .collect()
}

fn direction(word: &str) -> Result<Direction, ApiError> {
    match word {
        "inbound" => Ok(Direction::Inbound),
        "outbound" => Ok(Direction::Outbound),
        _ => Err(ApiError::invalid("direction", "'direction' is inbound or outbound")),
    }
}

/// Rows of a page.
pub(super) fn limit_of(pairs: &Pairs<'_>) -> Result<u32, ApiError> {
    pairs.find("limit")?.map_or(Ok(ROWS), limit)
}

fn limit(text: &str) -> Result<u32, ApiError> {
    // Clamped above, as documented; a number that does not even fit is large all the same.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text.parse::<u32>().unwrap_or(u32::MAX);
    if !digits || limit == 0 {
        return Err(ApiError::invalid("limit", "'limit' is a whole number from 1 to 200"));
    }
    Ok(limit.min(MOST_ROWS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<ListQuery, String> {
        let pairs: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ListQuery::read(&pairs, &[]).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn limits_are_clamped_above_and_refused_below() {
        for (text, expected) in [("1", 1), ("200", 200), ("201", 200), ("99999999999", 200)] {
            assert_eq!(read(&[("limit", text)]).unwrap().limit, expected);
        }
        assert_eq!(read(&[]).unwrap().limit, 25);
        for text in ["0", "-1", "ten", "1.5"] {
            assert_eq!(read(&[("limit", text)]).unwrap_err(), "VALIDATION_ERROR");
        }
    }

    #[test]
    fn unknown_words_and_what_is_not_there_yet_are_refused() {
        for bad in [
            ("status", "completed,ended"),
            ("direction", "sideways"),
            ("start", "yesterday"),
            ("end", "2026-02-30"),
            ("q", "rui"),
        ] {
            assert_eq!(read(&[bad]).unwrap_err(), "VALIDATION_ERROR", "{bad:?}");
        }
        assert_eq!(read(&[("status", "failed"), ("status", "missed")]).unwrap_err(), "VALIDATION_ERROR");
    }

    #[test]
    fn a_number_nobody_has_finds_nothing() {
        assert!(read(&[("phone_number_id", "1")]).unwrap().is_hopeless());
        assert!(!read(&[("status", "missed")]).unwrap().is_hopeless());
    }

    #[test]
    fn filters_are_signed_whatever_their_order() {
        let one = read(&[("status", "missed"), ("direction", "inbound")]).unwrap().signature;
        let two = read(&[("direction", "inbound"), ("limit", "3"), ("status", "missed")]).unwrap().signature;
        assert_eq!(one, two);
        assert_ne!(one, read(&[("status", "missed")]).unwrap().signature);
    }
}
