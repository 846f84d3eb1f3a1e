//! Whom the house lets be called, from where, and how often: what a stolen key or a page that loops meets.
//!
//! Not here: whether the user agreed ([`crate::permission`]).

use std::collections::BTreeSet;
use std::time::Duration;

use crate::house::BusinessNumber;
use crate::meta::Callee;
use crate::phone::{Country, Phone};

/// The window calls are counted in.
pub const DIAL_WINDOW: Duration = Duration::from_secs(60);

/// What the operator has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialPolicy {
    /// Business numbers of these countries place no calls. Meta refuses them too (138013).
    pub blocked_countries: BTreeSet<Country>,
    /// Whether calling cannot even be turned on for them.
    pub blocks_enabling: bool,
    /// Only users of these countries are called; everybody when empty.
    pub allowed_countries: BTreeSet<Country>,
    /// Numbers that begin with these digits are never called.
    pub denied_prefixes: Vec<String>,
    /// Calls a tenant may place in [`DIAL_WINDOW`].
    pub per_window: u32,
    /// Calls of its own a tenant may have at the same time.
    pub at_once: u32,
}

impl Default for DialPolicy {
    fn default() -> Self {
        let blocked = ["US", "CA", "EG", "VN", "NG"];
        Self {
            blocked_countries: blocked.into_iter().filter_map(Country::parse).collect(),
            blocks_enabling: false,
            allowed_countries: BTreeSet::new(),
            denied_prefixes: Vec::new(),
            per_window: 30,
            at_once: 50,
        }
    }
}

/// Us saying no to a call before Meta is asked anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// The tenant has placed too many calls in a short time.
    #[error("too many calls were placed in the last minute")]
    TooFast {
        /// How long to wait.
        wait: Duration,
    },
    /// There is no access token for the business number that can be read.
    #[error("no usable access token is stored for this business number")]
    NoToken,
    /// The business number's country may not place calls.
    #[error("business numbers of {0} may not place calls")]
    CountryBlocked(Country),
    /// Users of this country are not called from here.
    #[error("the operator has not allowed calls to this country")]
    RecipientCountry(Option<Country>),
    /// This user is not called from here.
    #[error("the operator does not let this number be called")]
    RecipientDenied,
    /// Calling is off on the business number.
    #[error("calling is not turned on for this business number")]
    NotEnabled,
}

impl DialPolicy {
    /// Whether a number may call a user, as far as the house decides it: country, then calling flag.
    ///
    /// A user who is known by an id alone is of no country.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn admit(&self, from: &BusinessNumber, to: &Callee) -> Result<(), Barred> {
        if let Some(country) = self.blocks(from) {
            return Err(Barred::CountryBlocked(country));
        }
        if !self.allowed_countries.is_empty() {
            let country = to.phone().and_then(Phone::country);
            if !country.is_some_and(|country| self.allowed_countries.contains(&country)) {
                return Err(Barred::RecipientCountry(country));
            }
        }
        let digits = to.phone().map_or("", Phone::digits);
        if self.denied_prefixes.iter().any(|prefix| digits.starts_with(prefix.as_str())) {
            return Err(Barred::RecipientDenied);
        }
        if from.calling.enabled { Ok(()) } else { Err(Barred::NotEnabled) }
    }

    /// Whether calling may be turned on for a number.
    ///
    /// # Errors
    /// [`Barred::CountryBlocked`] where the operator chose so.
    pub fn admit_enabling(&self, number: &BusinessNumber) -> Result<(), Barred> {
        match self.blocks(number).filter(|_| self.blocks_enabling) {
            Some(country) => Err(Barred::CountryBlocked(country)),
            None => Ok(()),
        }
    }

    fn blocks(&self, number: &BusinessNumber) -> Option<Country> {
        number.phone.country().filter(|country| self.blocked_countries.contains(country))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::house::{Calling, MediaMode};
    use crate::id::{MetaNumberId, NumberId, TenantId};

    fn number(phone: &str) -> BusinessNumber {
        BusinessNumber {
            id: NumberId::from_uuid(Uuid::nil()),
            tenant: TenantId::from_uuid(Uuid::nil()),
            meta_id: MetaNumberId::parse("1").unwrap(),
            waba_id: "1".to_owned(),
            phone: Phone::parse(phone).unwrap(),
            media_mode: MediaMode::Relay,
            calling: Calling::default(),
            sandbox: false,
            has_bot: false,
        }
    }

    fn check(policy: &DialPolicy, from: &str, to: &str, expected: Result<(), Barred>) {
        let to = Callee::Phone(Phone::parse(to).unwrap());
        assert_eq!(policy.admit(&number(from), &to), expected, "{from} {to:?}");
    }

    #[test]
    fn the_business_numbers_country_decides_and_not_the_users() {
        let policy = DialPolicy::default();
        let us = Country::parse("US").unwrap();
        check(&policy, "+14155552671", "+351912345678", Err(Barred::CountryBlocked(us)));
        check(&policy, "+351912345678", "+14155552671", Ok(()));
        // Meta's test numbers belong to no country: Meta decides.
        check(&policy, "+15550100200", "+351912345678", Ok(()));
    }

    #[test]
    fn an_operator_narrows_whom_is_called() {
        let portugal = Country::parse("PT").unwrap();
        let policy = DialPolicy {
            allowed_countries: BTreeSet::from([portugal]),
            denied_prefixes: vec!["3519600".to_owned()],
            ..DialPolicy::default()
        };
        check(&policy, "+351912345678", "+351912345679", Ok(()));
        check(&policy, "+351912345678", "+351960012345", Err(Barred::RecipientDenied));
        let other = Err(Barred::RecipientCountry(Country::parse("FR")));
        check(&policy, "+351912345678", "+33612345678", other);
        check(&policy, "+351912345678", "+999123456789", Err(Barred::RecipientCountry(None)));
        let by_id = policy.admit(&number("+351912345678"), &Callee::UserId("PT.1".to_owned()));
        assert_eq!(by_id, Err(Barred::RecipientCountry(None)));
    }

    #[test]
    fn a_number_whose_calling_is_off_places_no_calls() {
        let mut from = number("+351912345678");
        from.calling.enabled = false;
        let to = Callee::Phone(Phone::parse("+351912345679").unwrap());
        assert_eq!(DialPolicy::default().admit(&from, &to), Err(Barred::NotEnabled));
    }

    #[test]
    fn enabling_is_blocked_only_where_the_operator_chose_so() {
        let american = number("+14155552671");
        assert_eq!(DialPolicy::default().admit_enabling(&american), Ok(()));
        let strict = DialPolicy { blocks_enabling: true, ..DialPolicy::default() };
        assert!(strict.admit_enabling(&american).is_err());
        assert_eq!(strict.admit_enabling(&number("+351912345678")), Ok(()));
    }
}
