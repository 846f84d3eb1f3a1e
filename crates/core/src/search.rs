//! Finding calls by words: what of a call can be found, and whether it is what somebody looks for.
//!
//! Invariant: a text that spells the user's phone number is found by the number alone, so that those who may
//! not see numbers cannot find them by guessing either.

use crate::call::CallRecord;
use crate::phone::Phone;

/// Longest search.
pub const LONGEST: usize = 100;

/// Characters of a text that can be found. Names and ids are shorter; a stranger's may not be.
const DEEPEST: usize = 500;

/// Stands between the texts of one call, and in no text.
pub const SEPARATOR: char = '\u{1}';

/// Digits from the end of a number that give it away.
const TELLING: usize = 7;

/// What of a call can be found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findable {
    /// Names and conversation, folded, [`SEPARATOR`] between them.
    pub text: String,
    /// The user's number without `+`.
    pub digits: String,
}

impl Findable {
    /// Of a call.
    #[must_use]
    pub fn of(call: &CallRecord) -> Self {
        let party = &call.facts.party;
        let phone = party.phone.as_ref();
        // The company's own name for somebody, and the one they have given themselves.
        let own = party.contact.as_ref().map_or(&None, |contact| &contact.name);
        let texts = [own, &party.name, &call.conversation_id];
        let shown = texts.into_iter().flatten().filter(|text| !spells(text, phone));
        let folded: Vec<String> = shown.map(|text| fold(text).chars().take(DEEPEST).collect()).collect();
        Self {
            text: folded.join(&SEPARATOR.to_string()),
            digits: phone.map_or_else(String::new, |phone| phone.digits().to_owned()),
        }
    }

    /// The same, found also by the name the contact has by now.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        let folded: String = fold(name).chars().take(DEEPEST).collect();
        let known = self.text.split(SEPARATOR).any(|text| text == folded);
        if folded.is_empty() || known || has_end_of(name, &self.digits) {
            return self;
        }
        if !self.text.is_empty() {
            self.text.push(SEPARATOR);
        }
        self.text.push_str(&folded);
        self
    }

    /// Whether there is nothing to be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.digits.is_empty()
    }
}

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    text: String,
    digits: Option<String>,
}

/// Why a text cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a search has 1 to 100 characters")]
pub struct SearchFault;

impl Search {
    /// Reads what was typed. `phones` says whether numbers may be found.
    ///
    /// # Errors
    /// [`SearchFault`] when it is too long, or nothing but blanks.
    pub fn parse(text: &str, phones: bool) -> Result<Self, SearchFault> {
        if text.chars().count() > LONGEST {
            return Err(SearchFault);
        }
        let folded = fold(text.trim());
        if folded.is_empty() {
            return Err(SearchFault);
        }
        let digits = phones.then(|| as_digits(&folded)).flatten();
        Ok(Self { text: folded, digits })
    }

    /// The folded text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The digits of a part of a number, when it is one and numbers may be found.
    #[must_use]
    pub fn digits(&self) -> Option<&str> {
        self.digits.as_deref()
    }

    /// Whether it finds the call.
    #[must_use]
    pub fn admits(&self, call: &CallRecord) -> bool {
        let Findable { text, digits } = Findable::of(call);
        text.contains(&self.text) || self.digits.as_deref().is_some_and(|wanted| digits.contains(wanted))
    }
}

/// The form texts are compared in: small letters, no control characters.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).flat_map(char::to_lowercase).collect()
}

/// Whether a text has so much of a number in it that it gives the number away.
#[must_use]
pub fn spells(text: &str, phone: Option<&Phone>) -> bool {
    phone.is_some_and(|phone| has_end_of(text, phone.digits()))
}

fn has_end_of(text: &str, number: &str) -> bool {
    let Some(telling) = number.len().checked_sub(TELLING).map(|begin| &number[begin..]) else { return false };
    let digits: String =
        text.chars().filter_map(|c| c.to_digit(10)).map(|d| char::from(b'0' + d as u8)).collect();
    digits.contains(telling)
}

/// A part of a phone number as people write it, in digits.
fn as_digits(text: &str) -> Option<String> {
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' | ' ' | '-' | '(' | ')' | '.' | '\u{a0}' => {}
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_numbers_are_read_as_people_write_them() {
        let check = |text: &str, digits: Option<&str>| {
            assert_eq!(Search::parse(text, true).unwrap().digits(), digits, "{text}");
        };
        check("+351 910-000", Some("351910000"));
        check("(415) 555.01", Some("41555501"));
        check("4", Some("4"));
        check("+", None);
        check("rui 4", None);
        assert_eq!(
            Search::parse("351910", false).unwrap().digits(),
            None,
            "not for those who see no numbers"
        );
    }

    #[test]
    fn a_search_has_1_to_100_characters() {
        assert!(Search::parse(&"é".repeat(100), true).is_ok());
        for wrong in ["", "  \t", &"é".repeat(101)] {
            assert_eq!(Search::parse(wrong, true), Err(SearchFault), "{wrong:?}");
        }
    }

    #[test]
    fn a_name_of_today_is_found_beside_that_of_the_call() {
        let call = Findable { text: "rui".to_owned(), digits: "351910000002".to_owned() };
        let check = |name: &str, text: &str| assert_eq!(call.clone().named(name).text, text, "{name}");
        check("Rui Faria", "rui\u{1}rui faria");
        check("RUI", "rui");
        check("", "rui");
        check("+351 910 000 002", "rui");
    }

    #[test]
    fn a_text_that_spells_the_number_is_known() {
        let phone = Phone::parse("+351910000002").unwrap();
        let check = |text: &str, expected: bool| assert_eq!(spells(text, Some(&phone)), expected, "{text}");
        check("+351 910 000 002", true);
        check("ring 0000002", true);
        check("Rui 351", false);
        check("conv_33", false);
        assert!(!spells("0000002", None));
    }
}
