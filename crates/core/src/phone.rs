//! Phone numbers that cannot print themselves whole.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A phone number in E.164: 7 to 15 digits.
///
/// `Display` and `Debug` are masked (last four digits replaced, as Orbit masks them); the whole number
/// needs [`Phone::reveal`], so that every place that shows one can be found. Serialization is the stored
/// form, whole.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

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
    fn never_prints_itself_whole() {
        let phone = Phone::parse("+447700900123").unwrap();
        assert_eq!(format!("{phone}"), "+44770090****");
        assert_eq!(format!("{phone:?}"), "+44770090****");
    }
}
