//! Amounts and prices as whole numbers. No fraction is ever a float.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A currency's three letters, upper case (ISO 4217).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    /// Reads three letters of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        letters.then(|| Self(text.to_ascii_uppercase()))
    }

    /// The letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An amount in ten-thousandths: what is charged, added up and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From ten-thousandths.
    #[must_use]
    pub const fn from_parts(parts: i64) -> Self {
        Self(parts)
    }

    /// In ten-thousandths.
    #[must_use]
    pub const fn parts(self) -> i64 {
        self.0
    }

    /// The sum, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let parts = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:04}", parts / 10_000, parts % 10_000)
    }
}

/// A price in millionths: prices are finer than amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(u32);

impl Price {
    /// Reads a decimal such as `0.0103`, with up to six places, below 1000.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, places) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=3).contains(&whole.len()) && places.len() <= 6 && digits(whole) && digits(places);
        if !fits || text.ends_with('.') {
            return None;
        }
        format!("{whole}{places:0<6}").parse().ok().map(Self)
    }

    /// The amount for `count / per` of it, rounded half up.
    #[must_use]
    pub fn times(self, count: u32, per: u32) -> Money {
        let (millionths, per) = (u128::from(self.0) * u128::from(count), u128::from(per.max(1)));
        let parts = (millionths + 50 * per) / (100 * per);
        Money(i64::try_from(parts).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        // At least the four places of an amount.
        let spare = text.bytes().rev().take(2).take_while(|byte| *byte == b'0').count();
        f.write_str(&text[..text.len() - spare])
    }
}
