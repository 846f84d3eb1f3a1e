//! Phone numbers that cannot print themselves whole, and the countries they belong to.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber};
use serde::{Deserialize, Serialize};

/// A phone number in E.164: 7 to 15 digits.
///
/// `Display` and `Debug` are masked (last four digits replaced, as Orbit masks them); the whole number
/// needs [`Phone::reveal`], so that every place that shows one can be found. Serialization is the stored
/// form, whole.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

/// The calling code of two dozen countries.
const NORTH_AMERICA: i32 = 1;

/// Why a text is not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an E.164 phone number")]
pub struct PhoneError;

impl Phone {
    /// Reads a number with its country code; a leading `+`, spaces, `-`, `(`, `)` and `.` are dropped.
    ///
    /// # Errors
    /// [`PhoneError`] when what remains is not 7 to 15 digits starting with a non-zero one.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let trimmed = text.trim();
        let bare = trimmed.strip_prefix('+').unwrap_or(trimmed);
        let mut digits = String::with_capacity(15);
        for c in bare.chars() {
            match c {
                '0'..='9' => digits.push(c),
                ' ' | '-' | '(' | ')' | '.' | '\u{a0}' => {}
                _ => return Err(PhoneError),
            }
        }
        let plausible = (7..=15).contains(&digits.len()) && !digits.starts_with('0');
        if plausible { Ok(Self(digits)) } else { Err(PhoneError) }
    }

    /// The whole number with `+`. For the wire and the rightful reader's screen only.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("+{}", self.0)
    }

    /// The whole number without `+`, as Meta writes it.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The country it belongs to. None where the numbering plans do not tell, as with Meta's test numbers
    /// (`+1 555 …`), and for networks of no country.
    ///
    /// A number its plan does not have is of the code's main country, except where many countries share the code.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        let number = self.planned()?;
        let main = || match number.country_code {
            NORTH_AMERICA => None,
            code => PHONE_NUMBER_UTIL.get_region_for_country_code(code),
        };
        let region = number.get_region_code().or_else(main)?;
        // Countries are their two letters as a number; what belongs to no country is smaller.
        let [first, second] = (region as u16).to_be_bytes();
        Country::of_letters(first, second)
    }

    /// Whether its country's numbering plan has such a number. Stricter than [`Phone::parse`], and wrong about
    /// numbers younger than the plans this program was built with: good for people's input, not for Meta's.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.planned().is_some_and(|number| PHONE_NUMBER_UTIL.is_valid_number(&number))
    }

    fn planned(&self) -> Option<PhoneNumber> {
        PhoneNumber::parse(self.reveal(), None).ok()
    }
}

/// A country by its two letters (ISO 3166-1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl Country {
    /// Reads two letters of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().as_bytes() {
            [first, second] => Self::of_letters(*first, *second),
            _ => None,
        }
    }

    /// The two letters, upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("constructors admit letters only")
    }

    fn of_letters(first: u8, second: u8) -> Option<Self> {
        let letters = first.is_ascii_alphabetic() && second.is_ascii_alphabetic();
        letters.then(|| Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
    }
}

impl TryFrom<String> for Country {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a country has two letters, such as PT")
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.0.len().saturating_sub(4);
        write!(f, "+{}****", &self.0[..kept])
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Phone::parse(text).ok().map(|p| p.reveal()).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn reads_numbers_as_people_write_them() {
        check("+44 7700 900123", Some("+447700900123"));
        check("447700900123", Some("+447700900123"));
        check("+1 (555) 010-0200", Some("+15550100200"));
        check("", None);
        check("12345", None);
        check("+0044770090012", None);
        check("1234567890123456", None);
        check("+44 7700 9OO123", None);
    }

    #[test]
    fn numbers_know_their_country_where_the_plans_tell() {
        let check = |text: &str, country: Option<&str>, valid: bool| {
            let phone = Phone::parse(text).unwrap();
            assert_eq!(phone.country().as_ref().map(Country::as_str), country, "{text}");
            assert_eq!(phone.is_valid(), valid, "{text}");
        };
        check("+351912345678", Some("PT"), true);
        check("+14155552671", Some("US"), true);
        check("+16135550123", Some("CA"), true);
        check("+15550100200", None, false);
        check("+447700900123", Some("GB"), false);
        check("+2348031234567", Some("NG"), true);
        check("+999123456789", None, false);
        // A network of no country.
        check("+883510001234567", None, true);
    }

    #[test]
    fn countries_are_two_letters() {
        assert_eq!(Country::parse("pt").unwrap().as_str(), "PT");
        for text in ["", "P", "PRT", "P1", "ÄÖ"] {
            assert_eq!(Country::parse(text), None, "{text}");
        }
    }

    #[test]
    fn never_prints_itself_whole() {
        let phone = Phone::parse("+447700900123").unwrap();
        assert_eq!(format!("{phone}"), "+44770090****");
        assert_eq!(format!("{phone:?}"), "+44770090****");
    }
}
