//! What a list of calls was asked for (provider-apis.md 2.9.4).

use offhook_core::house::BusinessNumber;
use offhook_core::id::NumberId;
use offhook_core::meta::Direction;
use offhook_core::ports::CallFilter;
use offhook_core::search::Search;
use offhook_core::time::Time;

use super::error::ApiError;
use super::status;
use crate::manners::moment;

/// Rows of a page unless the client says otherwise, and at most.
const ROWS: u32 = 25;
const MOST_ROWS: u32 = 200;

/// Parameters that narrow the list, in the order a cursor signs them.
const FILTERS: [&str; 7] = ["status", "direction", "waba_id", "phone_number_id", "start", "end", "q"];

#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) filter: CallFilter,
    pub(super) cursor: Option<String>,
    pub(super) limit: u32,
    /// The filters as a cursor signs them.
    pub(super) signature: String,
}

/// What the one who asks may see and look for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The tenant's numbers.
    pub(super) numbers: &'a [BusinessNumber],
    /// The one number a key is made for.
    pub(super) only: Option<&'a NumberId>,
    /// Whether numbers may be found by their digits.
    pub(super) phones: bool,
}

impl ListQuery {
    pub(super) fn read(pairs: &[(String, String)], scope: &Scope<'_>) -> Result<Self, ApiError> {
        let pairs = Pairs(pairs);
        let mut filter = CallFilter {
            direction: pairs.find("direction")?.map(direction).transpose()?,
            numbers: numbers(&pairs, scope)?,
            from: pairs.time("start")?,
            until: pairs.time("end")?,
            search: pairs.find("q")?.map(|text| search(text, scope.phones)).transpose()?,
            ..CallFilter::default()
        };
        status::narrow(&mut filter, &words(pairs.find("status")?)?);
        Ok(Self {
            filter,
            cursor: pairs.find("cursor")?.map(str::to_owned),
            limit: pairs.find("limit")?.map_or(Ok(ROWS), limit)?,
            signature: pairs.signature_of(&FILTERS)?,
        })
    }

    /// Leaves nothing but calls of these numbers.
    pub(super) fn among<'n>(&mut self, theirs: impl Iterator<Item = &'n NumberId>) {
        let theirs: Vec<NumberId> = theirs.cloned().collect();
        let narrowed = self.filter.numbers.take();
        self.filter.numbers = Some(match narrowed {
            Some(numbers) => numbers.into_iter().filter(|number| theirs.contains(number)).collect(),
            None => theirs,
        });
    }
}

/// The numbers that `waba_id`, `phone_number_id` and the key leave; none when nothing narrows.
pub(super) fn numbers(pairs: &Pairs<'_>, scope: &Scope<'_>) -> Result<Option<Vec<NumberId>>, ApiError> {
    let (waba, meta_id) = (pairs.find("waba_id")?, pairs.find("phone_number_id")?);
    if waba.is_none() && meta_id.is_none() {
        return Ok(scope.only.map(|only| vec![only.clone()]));
    }
    let wanted = |number: &&BusinessNumber| {
        waba.is_none_or(|waba| number.waba_id == waba)
            && meta_id.is_none_or(|meta_id| number.meta_id.as_str() == meta_id)
            && scope.only.is_none_or(|only| number.id == *only)
    };
    Ok(Some(scope.numbers.iter().filter(wanted).map(|number| number.id.clone()).collect()))
}

/// The parameters of a query.
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

fn words(csv: Option<&str>) -> Result<Vec<&str>, ApiError> {
    let words = csv.into_iter().flat_map(|csv| csv.split(',')).map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let allowed = || format!("'status' takes any of: {}", status::WORDS.join(", "));
            let known = status::WORDS.contains(&word).then_some(word);
            known.ok_or_else(|| ApiError::invalid("status", allowed()))
        })
        .collect()
}

fn search(text: &str, phones: bool) -> Result<Search, ApiError> {
    Search::parse(text, phones).map_err(|_| ApiError::invalid("q", "'q' has 1 to 100 characters"))
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
        let scope = Scope { numbers: &[], only: None, phones: true };
        ListQuery::read(&pairs, &scope).map_err(|error| error.code().to_owned())
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
    fn unknown_words_are_refused() {
        for bad in [
            ("status", "completed,ended"),
            ("direction", "sideways"),
            ("start", "yesterday"),
            ("end", "2026-02-30"),
            ("q", "  "),
        ] {
            assert_eq!(read(&[bad]).unwrap_err(), "VALIDATION_ERROR", "{bad:?}");
        }
        assert_eq!(read(&[("status", "failed"), ("status", "missed")]).unwrap_err(), "VALIDATION_ERROR");
    }

    #[test]
    fn a_number_nobody_has_finds_nothing() {
        assert_eq!(read(&[("phone_number_id", "1")]).unwrap().filter.numbers, Some(Vec::new()));
        assert_eq!(read(&[("status", "missed")]).unwrap().filter.numbers, None);
    }

    #[test]
    fn filters_are_signed_whatever_their_order() {
        let one = read(&[("status", "missed"), ("direction", "inbound")]).unwrap().signature;
        let two = read(&[("direction", "inbound"), ("limit", "3"), ("status", "missed")]).unwrap().signature;
        assert_eq!(one, two);
        assert_ne!(one, read(&[("status", "missed")]).unwrap().signature);
    }
}
