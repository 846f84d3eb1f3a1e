//! What the rows of a part make of the contacts that are there, in the order they come.

use std::collections::HashMap;

use super::{Columns, Counts, Rejected, Row};
use crate::contact::{Change, Contact, Edit, Email, Facts, FieldProblem};
use crate::id::{ContactId, TenantId};
use crate::phone::Phone;
use crate::time::Time;

/// A row as it was understood.
struct Asked {
    row: Row,
    /// Whom it is about, and what of them changes.
    change: Result<(Change, Option<Phone>, Option<Email>), String>,
}

/// A part of a file, understood, before anybody has looked who is there.
pub struct Part(Vec<Asked>);

impl Part {
    /// Understands rows.
    #[must_use]
    pub fn of(columns: &Columns, rows: Vec<Row>) -> Self {
        let asked = rows.into_iter().map(|row| {
            let change = match &row.wrong {
                Some(wrong) => Err(wrong.clone()),
                None => columns.change(&row.cells).and_then(keyed),
            };
            Asked { row, change }
        });
        Self(asked.collect())
    }

    /// The rows one by one, for when they cannot be written together.
    #[must_use]
    pub fn singly(self) -> Vec<Self> {
        self.0.into_iter().map(|asked| Self(vec![asked])).collect()
    }

    /// Phone numbers its rows are about.
    #[must_use]
    pub fn phones(&self) -> Vec<Phone> {
        self.0.iter().filter_map(|asked| asked.change.as_ref().ok()?.1.clone()).collect()
    }

    /// E-mail addresses its rows are about.
    #[must_use]
    pub fn emails(&self) -> Vec<Email> {
        self.0.iter().filter_map(|asked| asked.change.as_ref().ok()?.2.clone()).collect()
    }

    /// What becomes of its rows, given the contacts that have one of their keys.
    #[must_use]
    pub fn settle(
        &self,
        known: Vec<Contact>,
        tenant: &TenantId,
        now: Time,
        mut fresh: impl FnMut() -> ContactId,
    ) -> Settled {
        let mut there = There::default();
        known.into_iter().for_each(|contact| there.add(contact.clone(), Some(contact)));
        let (mut counts, mut rejected) = (Counts::default(), Vec::new());
        for Asked { row, change } in &self.0 {
            let outcome = match change {
                Err(reason) => Err(reason.clone()),
                Ok((change, phone, email)) => {
                    there.take(change.clone(), phone.as_ref(), email.as_ref(), |facts| Contact {
                        id: fresh(),
                        tenant: tenant.clone(),
                        version: 0,
                        facts,
                        created_at: now,
                        updated_at: now,
                    })
                }
            };
            match outcome {
                Ok(Outcome::Created) => counts.created += 1,
                Ok(Outcome::Updated) => counts.updated += 1,
                Ok(Outcome::Unchanged) => counts.unchanged += 1,
                Err(reason) => {
                    counts.rejected += 1;
                    rejected.push(Rejected { line: row.line, reason, cells: row.cells.clone() });
                }
            }
        }
        Settled { contacts: there.written(now), rejected, counts }
    }

    /// All its rows, rejected for one reason.
    #[must_use]
    pub fn refused(&self, reason: &str) -> Settled {
        let refused = |asked: &Asked| Rejected {
            line: asked.row.line,
            reason: reason.to_owned(),
            cells: asked.row.cells.clone(),
        };
        let rejected: Vec<Rejected> = self.0.iter().map(refused).collect();
        let counts = Counts { rejected: rejected.len() as u64, ..Counts::default() };
        Settled { contacts: Vec::new(), rejected, counts }
    }
}

/// What became of a part.
pub struct Settled {
    /// Contacts to be written.
    pub contacts: Vec<Contact>,
    /// Rows that broke a rule.
    pub rejected: Vec<Rejected>,
    /// How many of each.
    pub counts: Counts,
}

enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// The contacts a part is about, as they become row by row.
#[derive(Default)]
struct There {
    all: Vec<(Contact, Option<Contact>)>,
    phones: HashMap<Phone, usize>,
    emails: HashMap<Email, usize>,
}

impl There {
    fn add(&mut self, contact: Contact, before: Option<Contact>) {
        let place = self.all.len();
        self.index(&contact.facts, place);
        self.all.push((contact, before));
    }

    fn index(&mut self, facts: &Facts, place: usize) {
        facts.phones().for_each(|phone| {
            self.phones.insert(phone.clone(), place);
        });
        facts.email.iter().for_each(|email| {
            self.emails.insert(email.clone(), place);
        });
    }

    fn take(
        &mut self,
        change: Change,
        phone: Option<&Phone>,
        email: Option<&Email>,
        new: impl FnOnce(Facts) -> Contact,
    ) -> Result<Outcome, String> {
        let by_phone = phone.and_then(|phone| self.phones.get(phone)).copied();
        let by_email = email.and_then(|email| self.emails.get(email)).copied();
        let place = match (by_phone, by_email) {
            (Some(one), Some(other)) if one != other => {
                return Err("the phone number and the e-mail address are of two contacts".to_owned());
            }
            (one, other) => one.or(other),
        };
        let words = |problem: FieldProblem| format!("{} {}", problem.field, problem.problem);
        let Some(place) = place else {
            let facts = change.apply(&Facts::default()).map_err(words)?;
            self.add(new(facts), None);
            return Ok(Outcome::Created);
        };
        let before = &self.all[place].0.facts;
        // A row that names them by a further number does not make it their first, and does not lose it.
        let mut change = change;
        if let Some(phone) = phone.filter(|phone| before.other_phones.contains(*phone)) {
            change.phone = Edit::Keep;
            change.other_phones.iter_mut().for_each(|all| all.push(phone.reveal()));
        }
        let facts = change.apply(before).map_err(words)?;
        if facts == *before {
            return Ok(Outcome::Unchanged);
        }
        for phone in before.phones().filter(|phone| !facts.has_phone(phone)) {
            self.phones.remove(phone);
        }
        if let Some(email) = before.email.clone().filter(|email| facts.email.as_ref() != Some(email)) {
            self.emails.remove(&email);
        }
        self.index(&facts, place);
        self.all[place].0.facts = facts;
        Ok(Outcome::Updated)
    }

    /// Those that changed, one version on.
    fn written(self, now: Time) -> Vec<Contact> {
        let changed = |(after, before): &(Contact, Option<Contact>)| {
            before.as_ref().is_none_or(|before| before.facts != after.facts)
        };
        let next = |(after, _): (Contact, Option<Contact>)| Contact {
            version: after.version + 1,
            updated_at: now,
            ..after
        };
        self.all.into_iter().filter(changed).map(next).collect()
    }
}

/// The change, with the keys it is found by.
fn keyed(change: Change) -> Result<(Change, Option<Phone>, Option<Email>), String> {
    let phone = match &change.phone {
        Edit::Set(text) => Some(Phone::parse(text).map_err(|_| "phone is not E.164".to_owned())?),
        Edit::Keep | Edit::Clear => None,
    };
    let email = match &change.email {
        Edit::Set(text) => {
            Some(Email::parse(text).ok_or_else(|| "email is not an e-mail address".to_owned())?)
        }
        Edit::Keep | Edit::Clear => None,
    };
    if phone.is_none() && email.is_none() {
        return Err("a row needs a phone number or an e-mail address".to_owned());
    }
    Ok((change, phone, email))
}
