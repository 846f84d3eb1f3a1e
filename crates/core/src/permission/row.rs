//! The row that keeps a ledger, and what is told of its changes.

use std::time::Duration;

use super::ledger::{Ledger, News};
use super::{DAY, Source, Standing};
use crate::event::{Consent, Event};
use crate::house::BusinessNumber;
use crate::id::{NumberId, PermissionId, TenantId};
use crate::phone::Phone;
use crate::time::Time;

/// An end that moves by less is not worth telling: Meta's seconds and ours differ, and a grant is for a week.
const NOTABLE: Duration = DAY;

/// What is known of one user's permission to be called from one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Our id.
    pub id: PermissionId,
    /// Whose number.
    pub tenant: TenantId,
    /// Which number.
    pub number: NumberId,
    /// The user.
    pub phone: Phone,
    /// The facts.
    pub ledger: Ledger,
    /// Where it stood when it was last told.
    pub standing: Standing,
    /// When that ends by itself.
    pub expires_at: Option<Time>,
    /// When anything was first known.
    pub created_at: Time,
    /// When it was last written.
    pub updated_at: Time,
    /// Rises by one with every write.
    pub version: u64,
}

/// A change to be written, with what tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PermissionCommit {
    /// As it is afterwards.
    pub permission: Permission,
    /// What happened; none when nothing worth telling did.
    pub event: Option<Event>,
}

impl Permission {
    /// What is still known of how it came here, in no order: requests of the last week, the last yes, the last
    /// no, and the end of what has ended.
    #[must_use]
    pub fn history(&self) -> Vec<(Time, Consent)> {
        let Ledger { granted, refused, seen, asks, .. } = &self.ledger;
        let asked = asks.iter().map(|at| (*at, Consent::Requested));
        let yes = granted.or(*seen).map(|grant| (grant.at, Consent::Granted));
        let no = refused.map(|no| (no.at, Consent::Refused));
        let over = self.expires_at.filter(|_| self.standing == Standing::Expired);
        asked.chain(yes).chain(no).chain(over.map(|at| (at, Consent::Expired))).collect()
    }

    /// Nothing known yet, and not written.
    #[must_use]
    pub fn begin(id: PermissionId, number: &BusinessNumber, phone: Phone, now: Time) -> Self {
        Self {
            id,
            tenant: number.tenant.clone(),
            number: number.id.clone(),
            phone,
            ledger: Ledger::default(),
            standing: Standing::None,
            expires_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        }
    }

    /// Takes news in, and time with it. None when that changes nothing.
    #[must_use]
    pub fn fold(&self, now: Time, news: &[News]) -> Option<PermissionCommit> {
        let mut next = self.clone();
        for one in news {
            next.ledger.fold(one);
        }
        (next.standing, next.expires_at) = next.ledger.standing(now);
        if next == *self {
            return None;
        }
        next.updated_at = now;
        next.version += 1;
        let source = news.last().map_or(Source::Time, Source::of);
        let event = next.is_news_after(self).then(|| next.event(source));
        Some(PermissionCommit { permission: next, event })
    }

    /// Where it stands now, which may be more than was told.
    #[must_use]
    pub fn standing(&self, now: Time) -> (Standing, Option<Time>) {
        self.ledger.standing(now)
    }

    fn is_news_after(&self, before: &Self) -> bool {
        let moved = match (before.expires_at, self.expires_at) {
            (Some(before), Some(after)) => after.since(before).max(before.since(after)) >= NOTABLE,
            (before, after) => before != after,
        };
        // What people said is told even where it changes little.
        self.standing != before.standing || moved || !self.ledger.has_words_of(&before.ledger)
    }

    fn event(&self, source: Source) -> Event {
        Event::Permission {
            number: self.number.clone(),
            phone: self.phone.clone(),
            consent: Consent::from(self.standing),
            state: Some(self.standing),
            expires_at: self.expires_at,
            source: Some(source),
        }
    }
}
