//! Files of contacts: what their columns mean, and what their rows make of the contacts that are there.
//!
//! A file is read in parts; a part is settled at once and written at once, so that whoever goes on after a crash
//! begins with a part nobody has written. Rows are changes in the order they come: the second row with a phone
//! number changes what the first has made, and a file that is read twice changes nothing the second time.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Change, Channel, Contact, Edit, Email, Facts, FieldProblem};
use crate::id::{ContactId, ImportId, TenantId};
use crate::phone::Phone;
use crate::time::Time;

/// Rows of a part: so many that a transaction's cost is shared, so few that nobody waits for it.
pub const PART: usize = 1_000;

/// Most columns of a file.
pub const MOST_COLUMNS: usize = 100;

/// How long a finished import is told of, with the rows it rejected.
pub const KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 60 * 60);

/// How long an upload may take before its beginning is thrown away.
pub const ARRIVES_WITHIN: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// A file of contacts on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Ours.
    pub id: ImportId,
    /// Whose.
    pub tenant: TenantId,
    /// How far it is.
    pub state: Progress,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Parts that were read.
    pub part: u32,
    /// What became of the rows so far.
    pub counts: Counts,
    /// When it came.
    pub created_at: Time,
    /// When it last went on.
    pub updated_at: Time,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The file is still coming.
    Receiving,
    /// It is there whole and will be read.
    Waiting,
    /// It is being read.
    Running,
    /// It was read to its end.
    Completed,
    /// It cannot be read on.
    Failed,
}

impl Progress {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Receiving, Self::Waiting, Self::Running, Self::Completed, Self::Failed];

    /// The word used in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// What became of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// All there are in the file.
    pub total: u64,
    /// Made a contact.
    pub created: u64,
    /// Changed one.
    pub updated: u64,
    /// Said what was known.
    pub unchanged: u64,
    /// Broke a rule.
    pub rejected: u64,
}

impl Counts {
    /// Both together; the total is of the first.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            total: self.total,
            created: self.created + more.created,
            updated: self.updated + more.updated,
            unchanged: self.unchanged + more.unchanged,
            rejected: self.rejected + more.rejected,
        }
    }

    /// Rows that were dealt with.
    #[must_use]
    pub const fn done(self) -> u64 {
        self.created + self.updated + self.unchanged + self.rejected
    }
}

/// A row of a file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its line in the file, the header's being 1.
    pub line: u64,
    /// What it says, by column.
    pub cells: Vec<String>,
    /// Why it is no row, when it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

impl std::fmt::Debug for Row {
    /// What people wrote about others does not print.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("line", &self.line).finish_non_exhaustive()
    }
}

/// A row that broke a rule.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its line.
    pub line: u64,
    /// Which rule, in words.
    pub reason: String,
    /// The row as it came.
    pub cells: Vec<String>,
}

impl std::fmt::Debug for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rejected").field("line", &self.line).finish_non_exhaustive()
    }
}

/// What a column is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Phone,
    Email,
    FirstName,
    LastName,
    CountryCode,
    LifecycleStage,
    /// All tags: a JSON array, or words with `;` between them.
    Tags,
    /// A JSON object.
    Metadata,
    /// One key of the metadata.
    Key(String),
    Preference(Channel),
    /// What an export tells and nobody can set.
    Told,
}

/// The columns of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Vec<Column>);

/// Why a header is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderProblem {
    /// A column nobody knows.
    #[error("no column is called '{0}': what is your own goes into metadata.<name>")]
    Unknown(String),
    /// Two columns of one name.
    #[error("two columns are called '{0}'")]
    Twice(String),
    /// Neither phone nor email.
    #[error("there is neither a column 'phone' nor a column 'email'")]
    Keyless,
    /// Too many.
    #[error("there are more than {MOST_COLUMNS} columns")]
    Many,
}

impl Columns {
    /// Reads a header. Case and blanks around names do not matter.
    ///
    /// # Errors
    /// [`HeaderProblem`].
    pub fn parse(names: &[String]) -> Result<Self, HeaderProblem> {
        if names.len() > MOST_COLUMNS {
            return Err(HeaderProblem::Many);
        }
        let mut columns = Vec::new();
        for name in names {
            let shown = || name.chars().take(64).collect::<String>();
            let column = Column::parse(name).ok_or_else(|| HeaderProblem::Unknown(shown()))?;
            if column != Column::Told && columns.contains(&column) {
                return Err(HeaderProblem::Twice(shown()));
            }
            columns.push(column);
        }
        let keyed = columns.contains(&Column::Phone) || columns.contains(&Column::Email);
        if keyed { Ok(Self(columns)) } else { Err(HeaderProblem::Keyless) }
    }

    /// The change a row asks for. An empty cell changes nothing.
    fn change(&self, cells: &[String]) -> Result<Change, String> {
        if cells.len() != self.0.len() {
            return Err(format!("has {} cells where the header has {}", cells.len(), self.0.len()));
        }
        let mut change = Change::default();
        let mut metadata = Map::new();
        for (column, cell) in self.0.iter().zip(cells) {
            if cell.trim().is_empty() {
                continue;
            }
            let set = || Edit::Set(cell.clone());
            match column {
                Column::Phone => change.phone = set(),
                Column::Email => change.email = set(),
                Column::FirstName => change.first_name = set(),
                Column::LastName => change.last_name = set(),
                Column::CountryCode => change.country_code = set(),
                Column::LifecycleStage => change.lifecycle_stage = set(),
                Column::Tags => change.tags = Some(tags(cell)?),
                Column::Metadata => {
                    let whole = serde_json::from_str::<Map<String, Value>>(cell);
                    metadata.extend(whole.map_err(|_| "metadata is no JSON object".to_owned())?);
                }
                Column::Key(key) => {
                    metadata.insert(key.clone(), Value::String(cell.clone()));
                }
                Column::Preference(channel) => {
                    let word = channel.as_str();
                    let allowed =
                        yes(cell).ok_or_else(|| format!("preferences.{word} is neither true nor false"))?;
                    change.preferences.insert(word.to_owned(), allowed);
                }
                Column::Told => {}
            }
        }
        change.metadata = (!metadata.is_empty()).then_some(metadata);
        Ok(change)
    }
}

impl Column {
    fn parse(name: &str) -> Option<Self> {
        let name = name.trim().trim_start_matches('\u{feff}');
        let lower = name.to_lowercase();
        if let Some(channel) = lower.strip_prefix("preferences.") {
            return Channel::parse(channel).map(Self::Preference);
        }
        if lower.starts_with("metadata.") {
            // Keys are the company's own: their case stays.
            let key = &name["metadata.".len()..];
            return (!key.is_empty()).then(|| Self::Key(key.to_owned()));
        }
        Some(match lower.as_str() {
            "phone" => Self::Phone,
            "email" => Self::Email,
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "country_code" => Self::CountryCode,
            "lifecycle_stage" => Self::LifecycleStage,
            "tags" => Self::Tags,
            "metadata" => Self::Metadata,
            "id" | "profile_name" | "created_at" | "updated_at" | "line" | "reason" => Self::Told,
            _ => return None,
        })
    }
}

fn tags(cell: &str) -> Result<Vec<String>, String> {
    let cell = cell.trim();
    if cell.starts_with('[') {
        return serde_json::from_str(cell).map_err(|_| "tags is no JSON array of texts".to_owned());
    }
    Ok(cell.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
}

fn yes(cell: &str) -> Option<bool> {
    match cell.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

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
        facts.phone.iter().for_each(|phone| {
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
        let facts = change.apply(before).map_err(words)?;
        if facts == *before {
            return Ok(Outcome::Unchanged);
        }
        if let Some(phone) = before.phone.clone().filter(|phone| facts.phone.as_ref() != Some(phone)) {
            self.phones.remove(&phone);
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Time = Time::from_secs(1_793_610_900);

    fn tenant() -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(1))
    }

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Settles a file of lines with `|` between cells.
    fn settle(known: &[Contact], header: &str, lines: &[&str]) -> Settled {
        let split = |line: &str| texts(&line.split('|').collect::<Vec<_>>());
        let columns = Columns::parse(&split(header)).unwrap();
        let rows = lines.iter().zip(2..).map(|(line, n)| Row { line: n, cells: split(line), wrong: None });
        let part = Part::of(&columns, rows.collect());
        let mut next = 100;
        part.settle(known.to_vec(), &tenant(), NOW, || {
            next += 1;
            ContactId::from_uuid(Uuid::from_u128(next))
        })
    }

    fn counts(created: u64, updated: u64, unchanged: u64, rejected: u64) -> Counts {
        Counts { total: 0, created, updated, unchanged, rejected }
    }

    #[test]
    fn a_file_read_twice_changes_nothing_the_second_time() {
        let header = "phone|email|first_name|tags|metadata|metadata.Plan|preferences.sms";
        let lines = [
            "+44 7700 900123|dana@example.com|Dana|gold;vip|{\"age\": 4}|pro|no",
            "|erik@example.com|Erik|[\"a;b\"]|||yes",
        ];
        let first = settle(&[], header, &lines);
        assert_eq!(first.counts, counts(2, 0, 0, 0));
        let dana = &first.contacts[0].facts;
        assert_eq!(
            (dana.tags.as_slice(), &dana.metadata["Plan"]),
            (&texts(&["gold", "vip"])[..], &"pro".into())
        );
        assert_eq!((dana.preferences[&Channel::Sms], &dana.metadata["age"]), (false, &4.into()));
        assert_eq!(first.contacts[1].facts.tags, ["a;b"]);
        let again = settle(&first.contacts, header, &lines);
        assert_eq!((again.counts, again.contacts.len()), (counts(0, 0, 2, 0), 0));
    }

    #[test]
    fn of_two_rows_with_one_number_the_second_changes_what_the_first_has_made() {
        let settled =
            settle(&[], "phone|first_name", &["+447700900123|Dana", "447700900123|Dan", "447700900123|"]);
        assert_eq!((settled.counts, settled.contacts.len()), (counts(1, 1, 1, 0), 1));
        let dana = &settled.contacts[0];
        assert_eq!((dana.facts.first_name.as_deref(), dana.version), (Some("Dan"), 1));
    }

    #[test]
    fn rows_that_break_a_rule_are_told_with_the_rule() {
        let known = settle(&[], "phone|email", &["+447700900123|", "|dana@example.com"]).contacts;
        let check = |header: &str, line: &str, reason: &str| {
            let settled = settle(&known, header, &[line]);
            assert_eq!(settled.counts, counts(0, 0, 0, 1), "{line}");
            assert_eq!(
                (settled.rejected[0].reason.as_str(), settled.rejected[0].line),
                (reason, 2),
                "{line}"
            );
        };
        check("phone", "12", "phone is not E.164");
        check("phone", "", "a row needs a phone number or an e-mail address");
        check("phone", "+447700900123|x", "has 2 cells where the header has 1");
        check("email", "dana", "email is not an e-mail address");
        check(
            "phone|email",
            "+447700900123|dana@example.com",
            "the phone number and the e-mail address are of two contacts",
        );
        check("phone|tags", "+447700900124|[1]", "tags is no JSON array of texts");
        check("phone|metadata", "+447700900124|[]", "metadata is no JSON object");
        check("phone|preferences.sms", "+447700900124|perhaps", "preferences.sms is neither true nor false");
        check(
            "phone|country_code",
            "+447700900124|USA",
            "country_code is not a country code of two letters (ISO 3166-1 alpha-2)",
        );
    }

    #[test]
    fn a_number_can_go_from_one_contact_to_another_within_a_file() {
        let known = settle(&[], "phone|email", &["+447700900123|dana@example.com"]).contacts;
        let lines = ["+447700900124|dana@example.com", "+447700900123|erik@example.com"];
        let settled = settle(&known, "phone|email", &lines);
        assert_eq!((settled.counts, settled.contacts.len()), (counts(1, 1, 0, 0), 2));
        assert_eq!((settled.contacts[0].version, settled.contacts[1].version), (2, 1));
    }

    #[test]
    fn headers_are_read_as_people_write_them() {
        let check = |names: &[&str], problem: Option<HeaderProblem>| {
            assert_eq!(Columns::parse(&texts(names)).err(), problem, "{names:?}");
        };
        check(&["\u{feff}Phone ", "EMAIL", "id", "line", "metadata.X", "metadata.x"], None);
        check(&["phone", "Shoe size"], Some(HeaderProblem::Unknown("Shoe size".to_owned())));
        check(&["phone", "preferences.fax"], Some(HeaderProblem::Unknown("preferences.fax".to_owned())));
        check(&["phone", "Phone"], Some(HeaderProblem::Twice("Phone".to_owned())));
        check(&["first_name"], Some(HeaderProblem::Keyless));
        check(&["phone"; 101], Some(HeaderProblem::Many));
    }
}
