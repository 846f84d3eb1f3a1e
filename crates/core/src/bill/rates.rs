//! The price list: rows by destination, each from a date on.

use std::collections::BTreeMap;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber};
use serde::{Deserialize, Serialize};

use super::Bill;
use super::money::{Currency, Money, Price};
use crate::meta::Direction;
use crate::phone::Phone;
use crate::time::Time;

/// A price and its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Of both prices.
    pub currency: Currency,
    /// What the house charges for a minute.
    pub per_minute: Price,
    /// What WhatsApp charges for a pulse; unless stated, a tenth of the minute.
    pub per_pulse: Option<Price>,
}

impl Rate {
    /// What WhatsApp charges for so many pulses.
    #[must_use]
    pub fn pulse(&self, count: u32) -> Money {
        match self.per_pulse {
            Some(price) => price.times(count, 1),
            None => self.per_minute.times(count, 10),
        }
    }
}

/// The user's end of a call, as a price list names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// Numbers that begin with these digits, without `+`.
    Prefix(String),
    /// A country: two letters, upper case (ISO 3166).
    Country(String),
    /// Every other number.
    Any,
}

impl Destination {
    /// Reads `+351`, `351`, `PT` or `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        if text == "*" {
            return Some(Self::Any);
        }
        if (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Prefix(digits.to_owned()));
        }
        let letters = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        letters.then(|| Self::Country(text.to_ascii_uppercase()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Prefix(text) | Self::Country(text) => text,
            Self::Any => "*",
        }
    }
}

/// A row of a price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whom it is for.
    pub destination: Destination,
    /// Calls from whose hand.
    pub direction: Direction,
    /// From when on.
    pub from: Time,
    /// The price.
    pub rate: Rate,
}

/// Why rows make no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// Two rows say something about the same.
    #[error("two rows for {0} begin on the same day")]
    Twice(String),
}

/// A price list. An empty one knows no price, and then nothing is free either.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates {
    inbound: Lists,
    outbound: Lists,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Lists {
    by: BTreeMap<Destination, BTreeMap<Time, Rate>>,
    longest_prefix: usize,
    countries: bool,
}

impl Rates {
    /// From rows in any order.
    ///
    /// # Errors
    /// [`RowFault`] when two rows say something about the same.
    pub fn of(rows: impl IntoIterator<Item = Row>) -> Result<Self, RowFault> {
        let mut rates = Self::default();
        for Row { destination, direction, from, rate } in rows {
            let lists = match direction {
                Direction::Inbound => &mut rates.inbound,
                Direction::Outbound => &mut rates.outbound,
            };
            match &destination {
                Destination::Prefix(digits) => lists.longest_prefix = lists.longest_prefix.max(digits.len()),
                Destination::Country(_) => lists.countries = true,
                Destination::Any => {}
            }
            let name = destination.as_str().to_owned();
            if lists.by.entry(destination).or_default().insert(from, rate).is_some() {
                return Err(RowFault::Twice(name));
            }
        }
        Ok(rates)
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inbound.by.is_empty() && self.outbound.by.is_empty()
    }

    /// The price of calls with this user at that time, and the row it comes from: the longest prefix first,
    /// then the country, then the row for every other number.
    #[must_use]
    pub fn find(
        &self,
        direction: Direction,
        user: Option<&Phone>,
        at: Time,
    ) -> Option<(&Destination, &Rate)> {
        let lists = match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        };
        let now = |destination: &Destination| {
            let (destination, dated) = lists.by.get_key_value(destination)?;
            dated.range(..=at).next_back().map(|(_, rate)| (destination, rate))
        };
        let digits = user.map_or("", Phone::digits);
        let longest = lists.longest_prefix.min(digits.len());
        let by_prefix =
            || (1..=longest).rev().find_map(|n| now(&Destination::Prefix(digits[..n].to_owned())));
        let by_country = || {
            let code = user.filter(|_| lists.countries).and_then(country)?;
            now(&Destination::Country(code))
        };
        by_prefix().or_else(by_country).or_else(|| now(&Destination::Any))
    }

    /// The bill of a finished call. `known` is the price of an earlier bill of the same call: a later list does
    /// not change what was charged.
    #[must_use]
    pub fn bill(&self, call: &Billed<'_>, known: Option<Rate>) -> Bill {
        let found = || self.find(call.direction, call.user, call.at).map(|(_, rate)| rate.clone());
        match known.or_else(found) {
            Some(rate) => Bill::by(rate, call.direction, call.talked_secs),
            // WhatsApp charges nothing for calls that users begin, and the house only what its list says.
            None => {
                let free = call.direction == Direction::Inbound && !self.is_empty();
                Bill::without_rate(free, call.talked_secs)
            }
        }
    }
}

/// What a bill is made of.
#[derive(Debug, Clone, Copy)]
pub struct Billed<'a> {
    /// From whose hand.
    pub direction: Direction,
    /// The user, when their number is known.
    pub user: Option<&'a Phone>,
    /// When the call was begun.
    pub at: Time,
    /// Talking time; none for a call that was never answered.
    pub talked_secs: Option<u32>,
}

/// The country of a number, in two letters. Numbers that several countries share are told apart where the
/// numbering plan allows it, and are of the first of them elsewhere.
#[must_use]
pub fn country(phone: &Phone) -> Option<String> {
    let number = PhoneNumber::parse(phone.reveal(), None).ok()?;
    let plan = || PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code);
    number.get_region_code().or_else(plan).map(|region| region.to_string())
}
