//! Where a person is told of. Looked for before the transaction that erases, in slices that keep no writer waiting;
//! what comes meanwhile is looked for again inside it.

use std::collections::BTreeSet;

use offhook_core::call::CallRecord;
use offhook_core::contact::erase::Person;
use offhook_core::event::Event;
use offhook_core::id::TenantId;
use offhook_core::ports::StoreFault;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::row::{self, contact};
use super::text::{Text, Value, occurs};
use crate::calls::{COLUMNS, record};
use crate::claims;
use crate::database::{Database, Dialect, Trouble, corrupt, field};
use crate::store::Store;

/// Places of a log or an inbox that are looked through in one read: some tens of megabytes.
const SLICE: i64 = 20_000;

/// Rows that are looked at here and not by the database, in one read.
const ROWS: u32 = 2_000;

/// Rounds of learning who they are: a contact that was taken in may have taken others in.
const ROUNDS: usize = 8;

/// A person, and the rows that tell of them beside their calls.
pub(super) struct Traces {
    pub(super) tenant: TenantId,
    pub(super) person: Person,
    /// Entries of the log that belong to no call.
    pub(super) events: BTreeSet<i64>,
    pub(super) knocks: BTreeSet<i64>,
    /// By hook and number.
    pub(super) deliveries: Vec<(String, i64)>,
    /// By name.
    pub(super) claims: Vec<Vec<u8>>,
    /// By import and line.
    pub(super) rejected: Vec<(String, i64)>,
    /// Meta's ids of the company's numbers.
    numbers: Vec<String>,
    /// How far the log and the inbox were looked through.
    seen: (i64, i64),
    dialect: Dialect,
}

impl Traces {
    /// Looks everywhere.
    pub(super) async fn find(store: &Store, tenant: &TenantId, person: Person) -> Result<Self, StoreFault> {
        let database = store.database();
        let mut traces = Self {
            tenant: tenant.clone(),
            person,
            events: BTreeSet::new(),
            knocks: BTreeSet::new(),
            deliveries: Vec::new(),
            claims: Vec::new(),
            rejected: Vec::new(),
            numbers: Vec::new(),
            seen: (0, 0),
            dialect: database.dialect(),
        };
        let mut known = None;
        for _ in 0..ROUNDS {
            let before = traces.known();
            if known.as_ref() == Some(&before) {
                break;
            }
            known = Some(before);
            traces.seen.0 = 0;
            traces.learn(database).await?;
        }
        traces.look_at_knocks(database).await?;
        traces.look_at_deliveries(database).await?;
        traces.look_at_claims(store).await?;
        traces.look_at_rejected(database).await?;
        Ok(traces)
    }

    /// What of calls, log and inbox came since. Tells whether there is something about them that is not dealt
    /// with yet.
    pub(super) async fn catch_up(
        &mut self,
        tx: &mut AnyConnection,
    ) -> Result<(Vec<CallRecord>, bool), Trouble> {
        // What has become another contact's since; calls of theirs may bring numbers back that were once theirs.
        self.keep_off(tx).await?;
        let calls = self.calls(tx).await?;
        self.keep_off(tx).await?;
        let (log, inbox) = self.ends(tx).await?;
        let (seen_log, seen_inbox) = self.seen;
        self.slice_of_log(tx, seen_log, log).await?;
        self.slice_of_inbox(tx, seen_inbox, inbox).await?;
        let mut text = Text::new("SELECT id, raw FROM inbox WHERE done = 0 AND ");
        self.needles(&mut text, "raw", false);
        let waiting = text.query().fetch_all(tx).await?;
        let ours = waiting
            .iter()
            .map(|row| Ok(self.is_ours(field(row, "raw")?)))
            .collect::<Result<Vec<_>, Trouble>>()?;
        Ok((calls, ours.contains(&true)))
    }

    /// All calls with them; they are counted as theirs.
    pub(super) async fn calls(&mut self, connection: &mut AnyConnection) -> Result<Vec<CallRecord>, Trouble> {
        let texts = |texts: Vec<&str>| texts.into_iter().map(Value::from).collect::<Vec<_>>();
        let person = &self.person;
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for (column, values) in [
            ("contact_id", texts(person.contacts.iter().map(|id| id.as_str()).collect())),
            ("peer_phone", texts(person.phones.iter().map(|phone| phone.digits()).collect())),
            ("peer_user_id", texts(person.user_ids.iter().map(String::as_str).collect())),
        ] {
            if values.is_empty() {
                continue;
            }
            let mut text = Text::new(&format!("SELECT {COLUMNS} FROM calls WHERE tenant = "));
            text.value(self.tenant.as_str()).push(&format!(" AND {column} IN (")).values(values).push(")");
            for row in text.query().fetch_all(&mut *connection).await? {
                let call = record(&row)?;
                if seen.insert(call.id.clone()) {
                    found.push(call);
                }
            }
        }
        found.iter().for_each(|call| self.person.add_call(call));
        Ok(found)
    }

    /// Who they are: by their calls, and by what the log tells of their contacts.
    async fn learn(&mut self, database: &Database) -> Result<(), StoreFault> {
        let read = async {
            let mut reader = database.reader().acquire().await?;
            self.calls(&mut reader).await?;
            self.keep_off(&mut reader).await?;
            self.ends(&mut reader).await
        };
        let (log, inbox) = database.read(read).await?;
        let mut after = 0;
        while after < log {
            let until = (after + SLICE).min(log);
            let read = async {
                let mut reader = database.reader().acquire().await?;
                self.slice_of_log(&mut reader, after, until).await
            };
            database.read(read).await?;
            after = until;
        }
        let read = async {
            let mut reader = database.reader().acquire().await?;
            self.keep_off(&mut reader).await
        };
        database.read(read).await?;
        self.seen = (log, inbox);
        Ok(())
    }

    fn known(&self) -> (Vec<String>, usize) {
        (self.person.texts(), self.person.contacts.len())
    }

    /// Leaves alone what is another contact's by now.
    async fn keep_off(&mut self, reader: &mut AnyConnection) -> Result<(), Trouble> {
        let phones: Vec<_> = self.person.phones.iter().map(|it| it.digits().to_owned()).collect();
        for (key, values) in [
            ("c.phone", phones.clone()),
            ("tel", phones),
            ("c.email", self.person.emails.iter().cloned().collect()),
            ("wa", self.person.user_ids.iter().cloned().collect()),
        ] {
            if values.is_empty() {
                continue;
            }
            let values = values.iter().map(|text| Value::from(&**text));
            let text = row::with_key(self.dialect, self.tenant.as_str(), key, values);
            for row in text.query().fetch_all(&mut *reader).await? {
                let (_, other) = contact(&row)?;
                if !self.person.contacts.contains(&other.id) {
                    self.person.keep_off(&other.facts);
                }
            }
        }
        Ok(())
    }

    /// The last places of the log and of the inbox.
    async fn ends(&self, connection: &mut AnyConnection) -> Result<(i64, i64), Trouble> {
        let sql = "SELECT (SELECT head FROM logs WHERE tenant = $1) AS log, \
             (SELECT COALESCE(MAX(id), 0) FROM inbox) AS inbox";
        let row = sqlx::query(sql).bind(self.tenant.as_str().to_owned()).fetch_one(connection).await?;
        Ok((field::<Option<i64>, _>(&row, "log")?.unwrap_or_default(), field(&row, "inbox")?))
    }

    async fn slice_of_log(
        &mut self,
        connection: &mut AnyConnection,
        after: i64,
        until: i64,
    ) -> Result<(), Trouble> {
        let mut text = Text::new("SELECT seq, body FROM events WHERE call_id IS NULL AND tenant = ");
        text.value(self.tenant.as_str()).push(" AND seq > ").value(Value::Number(after));
        text.push(" AND seq <= ").value(Value::Number(until)).push(" AND ");
        self.needles(&mut text, "body", true);
        for row in text.query().fetch_all(connection).await? {
            self.events.insert(field(&row, "seq")?);
            if let Ok(event) = serde_json::from_str::<Event>(field(&row, "body")?) {
                self.person.add_event(&event);
            }
        }
        Ok(())
    }

    async fn look_at_knocks(&mut self, database: &Database) -> Result<(), StoreFault> {
        let read = async {
            let sql = "SELECT meta_id FROM numbers WHERE tenant = $1";
            let query = sqlx::query(sql).bind(self.tenant.as_str().to_owned());
            let rows = query.fetch_all(database.reader()).await?;
            rows.iter().map(|row| field(row, "meta_id")).collect::<Result<Vec<String>, _>>()
        };
        self.numbers = database.read(read).await?;
        let (mut after, end) = (0, self.seen.1);
        while after < end {
            let until = (after + SLICE).min(end);
            let read = async {
                let mut reader = database.reader().acquire().await?;
                self.slice_of_inbox(&mut reader, after, until).await
            };
            database.read(read).await?;
            after = until;
        }
        Ok(())
    }

    async fn slice_of_inbox(
        &mut self,
        connection: &mut AnyConnection,
        after: i64,
        until: i64,
    ) -> Result<(), Trouble> {
        let mut text = Text::new("SELECT id, raw FROM inbox WHERE id > ");
        text.value(Value::Number(after)).push(" AND id <= ").value(Value::Number(until)).push(" AND ");
        self.needles(&mut text, "raw", false);
        for row in text.query().fetch_all(connection).await? {
            if self.is_ours(field(&row, "raw")?) {
                self.knocks.insert(field(&row, "id")?);
            }
        }
        Ok(())
    }

    /// Whether a knock came for one of the company's numbers: the person may be another company's too.
    fn is_ours(&self, raw: &str) -> bool {
        self.numbers.iter().any(|number| raw.contains(number.as_str()))
    }

    async fn look_at_deliveries(&mut self, database: &Database) -> Result<(), StoreFault> {
        let read = async {
            let tenant = || self.tenant.as_str().to_owned();
            let query = sqlx::query("SELECT id FROM numbers WHERE tenant = $1").bind(tenant());
            let numbers = query.fetch_all(database.reader()).await?;
            let numbers = numbers.iter().map(|row| field(row, "id")).collect::<Result<Vec<String>, _>>()?;
            let query = sqlx::query("SELECT id, last_n FROM hooks WHERE tenant = $1").bind(tenant());
            let hooks = query.fetch_all(database.reader()).await?;
            let hook = |row: &AnyRow| Ok((field(row, "id")?, field(row, "last_n")?));
            Ok((numbers, hooks.iter().map(hook).collect::<Result<Vec<(String, i64)>, Trouble>>()?))
        };
        let (numbers, hooks) = database.read(read).await?;
        let asked = numbers.iter().flat_map(|number| {
            self.person.phones.iter().map(move |phone| format!("{number}/{}", phone.digits()))
        });
        let calls = self.person.calls.iter().map(|call| call.as_str().to_owned());
        let contacts = self.person.contacts.iter().map(|contact| contact.as_str().to_owned());
        let threads: Vec<String> = asked.chain(calls).chain(contacts).collect();
        for (hook, last) in hooks {
            let mut after = 0;
            while after < last {
                let until = (after + SLICE).min(last);
                let mut found = Vec::new();
                for threads in threads.chunks(500) {
                    let mut text = Text::new("SELECT n FROM deliveries WHERE hook = ");
                    text.value(&*hook).push(" AND n > ").value(Value::Number(after));
                    text.push(" AND n <= ").value(Value::Number(until)).push(" AND thread IN (");
                    text.values(threads.iter().map(|thread| Value::from(&**thread))).push(")");
                    let read = async { Ok(text.query().fetch_all(database.reader()).await?) };
                    found.extend(database.read(read).await?);
                }
                for row in &found {
                    self.deliveries.push((hook.clone(), field(row, "n")?));
                }
                after = until;
            }
        }
        Ok(())
    }

    /// Kept answers are sealed: they are opened to be looked at.
    async fn look_at_claims(&mut self, store: &Store) -> Result<(), StoreFault> {
        let mut after = Vec::new();
        loop {
            let some = claims::kept(store, &self.tenant, &after, ROWS).await?;
            let Some(last) = some.last() else { return Ok(()) };
            after.clone_from(&last.name);
            let told = some.into_iter().filter(|kept| {
                let call = self.person.calls.iter().any(|call| *call == kept.call);
                let ids = self.person.contacts.iter().any(|id| kept.text.contains(id.as_str()));
                call || ids || self.person.is_in(&kept.text)
            });
            self.claims.extend(told.map(|kept| kept.name));
        }
    }

    async fn look_at_rejected(&mut self, database: &Database) -> Result<(), StoreFault> {
        let (mut import, mut line) = (String::new(), 0_i64);
        loop {
            let mut text = Text::new(
                "SELECT r.import, r.line, r.cells FROM contact_import_rejected r \
                 JOIN contact_imports i ON i.id = r.import WHERE i.tenant = ",
            );
            text.value(self.tenant.as_str()).push(" AND (r.import, r.line) > (").value(&*import);
            text.push(", ").value(Value::Number(line));
            text.push(&format!(") ORDER BY r.import, r.line LIMIT {ROWS}"));
            let read = async { Ok(text.query().fetch_all(database.reader()).await?) };
            let rows = database.read(read).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            (import, line) = (field(last, "import")?, field(last, "line")?);
            for row in &rows {
                let cells: Vec<String> = serde_json::from_str(field(row, "cells")?)
                    .map_err(|_| StoreFault::from(corrupt("contact_import_rejected.cells")))?;
                if cells.iter().any(|cell| self.person.is_in(cell)) {
                    self.rejected.push((field(row, "import")?, field(row, "line")?));
                }
            }
        }
    }

    /// A condition: one of the texts that tell of them is in the column.
    fn needles(&self, text: &mut Text, column: &str, with_contacts: bool) {
        let ids = self.person.contacts.iter().filter(|_| with_contacts).map(|id| id.as_str().to_owned());
        text.push("(1 = 0");
        for needle in ids.chain(self.person.texts()) {
            // As JSON has it, and as Meta does.
            let quoted = serde_json::to_string(&needle).unwrap_or_default();
            let plain = quoted.trim_matches('"').to_owned();
            let escaped = plain.replace('/', "\\/");
            for spelt in BTreeSet::from([plain, escaped]) {
                text.push(&format!(" OR {}({column}, ", occurs(self.dialect))).value(&*spelt).push(") > 0");
            }
        }
        text.push(")");
    }
}
