//! What the cases work with: a database, fresh ids, and tenants with numbers, people and calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use offhook_core::bill::{Bill, Currency, Price, Rate};
use offhook_core::call::record::{Facts, Intent, Prepared};
use offhook_core::call::table::{
    AfterClip, Bot, BotEnd, BotRecord, BotUrl, ClipName, Connect, Parked, Playing, Recording, RecordingState,
    Role as Seat, Seek, Table, Target,
};
use offhook_core::call::{CallRecord, Commit, EndReason, LegQuality, LegRecord, State};
use offhook_core::event::{CallEvent, Event};
use offhook_core::house::{BusinessNumber, MediaMode, Person, Role, Tenant};
use offhook_core::id::{
    CallId, ContactId, KeyId, MetaNumberId, NumberId, RecordingId, StreamId, TenantId, UserId, Wacid,
};
use offhook_core::meta::{Contacted, Direction, Extras, MetaError, Party, Terminate};
use offhook_core::phone::Phone;
use offhook_core::ports::{NewNumber, NewPerson, NewTenant, Numbers, People, Tenants};
use offhook_core::recording::{Consent, ConsentMode};
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;
use offhook_store::{MasterKey, OpenError, Store};
use sqlx::{AssertSqlSafe, Connection, Row};
use uuid::Uuid;

/// A secret that must never be seen in a database.
pub(crate) const ACCESS_TOKEN: &str = "EAAGcanaryAccessTokenZ7";
/// Another.
pub(crate) const PASSWORD: &str = "correct canary battery staple";

/// A database under test.
pub(crate) struct Bench {
    pub(crate) url: String,
    pub(crate) key: MasterKey,
}

/// A tenant with one number and one agent.
pub(crate) struct House {
    pub(crate) tenant: Tenant,
    pub(crate) number: BusinessNumber,
    pub(crate) agent: Person,
}

impl Bench {
    pub(crate) fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), key: MasterKey::from_bytes([7; 32]) }
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.expect("the database opens")
    }

    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(&self.url, self.key.clone()).await
    }

    /// Runs SQL beside the store, as an operator's shell would.
    pub(crate) async fn sql(&self, sql: &str) {
        sqlx::any::install_default_drivers();
        let mut shell = sqlx::AnyConnection::connect(&self.url).await.expect("the shell connects");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut shell)
            .await
            .expect("the shell's SQL is right");
        shell.close().await.expect("the shell closes");
    }

    /// The same, when it may be refused.
    pub(crate) async fn try_sql(&self, sql: &str) -> Result<(), sqlx::Error> {
        sqlx::any::install_default_drivers();
        let mut shell = sqlx::AnyConnection::connect(&self.url).await.expect("the shell connects");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut shell).await.map(|_| ())
    }

    /// Takes the lock off the audit log, as whoever owns the database can.
    pub(crate) async fn unlock_audit(&self) {
        match self.url.starts_with("sqlite:") {
            true => {
                self.sql("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_shortened").await;
            }
            false => self.sql("DROP TRIGGER audit_is_not_changed ON audit").await,
        }
    }

    /// The tables in which a text occurs.
    pub(crate) async fn tables_with(&self, text: &str) -> Vec<String> {
        sqlx::any::install_default_drivers();
        let mut shell = sqlx::AnyConnection::connect(&self.url).await.expect("the shell connects");
        let sqlite = self.url.starts_with("sqlite:");
        let tables = match sqlite {
            true => "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'",
            false => {
                "SELECT table_name::text AS name FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
            }
        };
        let tables = sqlx::query(tables).fetch_all(&mut shell).await.expect("the tables");
        let mut found = Vec::new();
        for table in tables.iter().map(|row| row.get::<String, _>(0)) {
            let whole = match sqlite {
                false => "CAST(r AS text)".to_owned(),
                true => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                    let columns =
                        sqlx::query(AssertSqlSafe(columns)).fetch_all(&mut shell).await.expect("columns");
                    let column =
                        |row| format!("COALESCE(CAST(r.\"{}\" AS TEXT), '')", Row::get::<String, _>(row, 0));
                    columns.iter().map(column).collect::<Vec<_>>().join(" || ' ' || ")
                }
            };
            let text = text.replace('\'', "''");
            let place = if sqlite { "instr" } else { "strpos" };
            let sql = format!("SELECT COUNT(*) FROM \"{table}\" r WHERE {place}({whole}, '{text}') > 0");
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut shell).await.expect("a count");
            if row.get::<i64, _>(0) > 0 {
                found.push(table);
            }
        }
        found
    }

    /// The first column of the first row, as a number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        sqlx::any::install_default_drivers();
        let mut shell = sqlx::AnyConnection::connect(&self.url).await.expect("the shell connects");
        let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut shell).await;
        row.expect("the shell's SQL is right").get(0)
    }
}

/// A fresh UUID. Ids rise within a test and are random enough between its processes.
pub(crate) fn fresh() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u64_pair(0x0192_0000_0000_7000, NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn secs(at: i64) -> Time {
    Time::from_secs(1_790_000_000 + at)
}

pub(crate) fn phone(text: &str) -> Phone {
    Phone::parse(text).expect("a phone number")
}

pub(crate) fn wacid(text: &str) -> Wacid {
    Wacid::new(text).expect("a wacid")
}

pub(crate) async fn tenant(store: &Store, name: &str) -> Tenant {
    let new = NewTenant { id: TenantId::from_uuid(fresh()), name: name.to_owned(), at: secs(0) };
    Tenants::add(store, new).await.expect("a fresh tenant")
}

pub(crate) async fn number(store: &Store, tenant: &Tenant, meta_id: &str) -> BusinessNumber {
    Numbers::add(store, new_number(tenant, meta_id)).await.expect("a fresh number")
}

pub(crate) fn new_number(tenant: &Tenant, meta_id: &str) -> NewNumber {
    NewNumber {
        id: NumberId::from_uuid(fresh()),
        tenant: tenant.id.clone(),
        meta_id: MetaNumberId::parse(meta_id).expect("digits"),
        waba_id: "102290129340398".to_owned(),
        phone: phone("+15550783881"),
        media_mode: MediaMode::Relay,
        sandbox: false,
        access_token: ACCESS_TOKEN.to_owned(),
        at: secs(0),
    }
}

pub(crate) fn new_person(tenant: &Tenant, email: &str) -> NewPerson {
    NewPerson {
        id: UserId::from_uuid(fresh()),
        tenant: tenant.id.clone(),
        email: email.to_owned(),
        name: "Alice".to_owned(),
        role: Role::Agent,
        password: PASSWORD.to_owned(),
        at: secs(0),
        deed: None,
    }
}

/// A tenant with everything; `digit` keeps its unique things apart from another's.
pub(crate) async fn house(store: &Store, digit: u8) -> House {
    let tenant = tenant(store, &format!("Company {digit}")).await;
    let number = number(store, &tenant, &format!("10654035253999{digit}")).await;
    let agent = new_person(&tenant, &format!("alice@company{digit}.example"));
    let agent = People::add(store, agent).await.expect("a fresh person");
    House { tenant, number, agent }
}

impl House {
    /// A call that just came in.
    pub(crate) fn call(&self, at: Time) -> CallRecord {
        let id = CallId::from_uuid(fresh());
        let party = Party { phone: Some(phone("+447700900123")), ..Party::default() };
        let facts = Facts {
            wacid: Some(wacid(&format!("wacid.{}", id.as_str()))),
            party,
            offer: Some(Sdp::new("v=0\r\na=ice-pwd:canary==\r\n")),
            connect_at: Some(at),
            ..Facts::default()
        };
        CallRecord {
            id,
            tenant: self.tenant.id.clone(),
            number: self.number.id.clone(),
            direction: Direction::Inbound,
            media_mode: MediaMode::Relay,
            correlation: None,
            conversation_id: None,
            version: 1,
            created_at: at,
            updated_at: at,
            state: State::Ringing,
            end_reason: None,
            agent: None,
            facts,
        }
    }

    /// A finished outbound call with every fact there is.
    pub(crate) fn full_call(&self, at: Time) -> CallRecord {
        let after = |s| at + std::time::Duration::from_secs(s);
        let error = MetaError { code: 138_021, message: "no media — “silence” ☎".to_owned() };
        CallRecord {
            direction: Direction::Outbound,
            media_mode: MediaMode::Bridge,
            correlation: Some("order-7 / \"é\"".to_owned()),
            conversation_id: Some("conv_1".to_owned()),
            updated_at: after(40),
            state: State::Completed,
            end_reason: Some(EndReason::MediaTimeout),
            agent: Some(self.agent.id.clone()),
            facts: Facts {
                wacid: Some(wacid("wacid.HBgMNDQ3NzAwOTAwMTIz+/==")),
                party: Party {
                    phone: Some(phone("+447700900123")),
                    user_id: Some("GB.13491208655302741918".to_owned()),
                    name: Some("Zoë 🙂 O'Neil".to_owned()),
                    contact: Some(Contacted {
                        id: ContactId::parse("con_0123456789abcdef0123456789abcdef").unwrap(),
                        name: Some("Zoë".to_owned()),
                    }),
                },
                offer: Some(Sdp::new("v=0\r\na=setup:actpass\r\n")),
                answer: Some(Sdp::new("v=0\r\na=setup:active\r\n")),
                connect_at: Some(after(1)),
                ringing_at: Some(after(2)),
                accepted_at: Some(after(5)),
                rejected_at: Some(after(6)),
                terminate: Some(Terminate {
                    at: after(36),
                    started_at: Some(after(5)),
                    ended_at: Some(after(35)),
                    duration_secs: Some(30),
                    error: Some(error.clone()),
                }),
                claimed_at: Some(after(3)),
                confirmed_at: Some(after(4)),
                prepared: Some(Prepared::Refused(error.clone())),
                declined: BTreeSet::from([UserId::from_uuid(fresh()), UserId::from_uuid(fresh())]),
                extras: Extras { recording: Some("{}".to_owned()), transcription: None },
                metadata: Some("{\"ticket\":88}".to_owned()),
                held: true,
                table: self.table(after(10)),
                connect: Some(Connect::Agent(self.agent.id.clone())),
                record: true,
                recordings: BTreeSet::from([RecordingId::from_uuid(fresh())]),
                bots: vec![BotRecord {
                    id: StreamId::from_uuid(fresh()),
                    asked_at: after(5),
                    ended_at: Some(after(9)),
                    end: Some(BotEnd::HandedOff),
                }],
                quality: vec![LegRecord {
                    agent: Some(self.agent.id.clone()),
                    quality: LegQuality {
                        mos: Some(4.25),
                        loss_in: 0.125,
                        codec: "opus".to_owned(),
                        ..LegQuality::default()
                    },
                }],
                intent: Some(Intent { reason: EndReason::LocalHangup, at: after(34), error: Some(error) }),
                closed_at: Some(after(40)),
                bill: Some(bill(Some(30))),
            },
            ..self.call(at)
        }
    }

    /// Everything that can be arranged at once.
    fn table(&self, at: Time) -> Table {
        let clip = ClipName::parse("welcome").unwrap();
        Table {
            seats: BTreeMap::from([(UserId::from_uuid(fresh()), Seat::Consulted)]),
            muted: BTreeSet::from([self.agent.id.clone()]),
            seek: Some(Seek::owner(Target::Queue, Some(self.agent.id.clone()), EndReason::NoAgent)),
            parked: Some(Parked { by: Some(self.agent.id.clone()), at }),
            clip: Some(Playing { clip, then: AfterClip::Record }),
            recording: Some(Recording {
                id: RecordingId::from_uuid(fresh()),
                state: RecordingState::Paused,
                consent: Consent {
                    mode: ConsentMode::AnnounceAll,
                    announced_at: Some(at),
                    announced_until: None,
                },
            }),
            bot: Some(Bot {
                id: StreamId::from_uuid(fresh()),
                url: BotUrl::new("wss://bot.example.com/voice"),
                owns: true,
            }),
        }
    }
}

/// What a call of so many seconds costs.
pub(crate) fn bill(talked_secs: Option<u32>) -> Bill {
    let rate = Rate {
        currency: Currency::parse("USD").expect("a currency"),
        per_minute: Price::parse("0.0205").expect("a price"),
        per_pulse: None,
    };
    Bill::by(rate, Direction::Outbound, talked_secs)
}

pub(crate) fn commit(record: &CallRecord, what: Vec<CallEvent>) -> Commit {
    let (call, owner) = (record.id.clone(), record.agent.clone());
    let tell = |what| Event::Call {
        call: call.clone(),
        owner: owner.clone(),
        seated: Default::default(),
        what,
        glance: None,
    };
    Commit { record: record.clone(), events: what.into_iter().map(tell).collect() }
}

/// The next version of a record, in another state.
pub(crate) fn next(record: &CallRecord, state: State) -> CallRecord {
    CallRecord { version: record.version + 1, state, ..record.clone() }
}

pub(crate) fn key_id() -> KeyId {
    KeyId::from_uuid(fresh())
}
