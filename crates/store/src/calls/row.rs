//! A call's record as a row. `facts` carries the whole; the other columns are what lists filter and show.

use offhook_core::bill::{Bill, Money};
use offhook_core::call::record::Facts;
use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::id::{CallId, ContactId, NumberId, TenantId, UserId};
use offhook_core::meta::Direction;
use offhook_core::ports::{StoreFault, Tally};
use offhook_core::search::Findable;
use offhook_core::time::Time;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection};

use super::figures::{Counted, Slot};
use super::search::{self, Entry};
use crate::database::{Trouble, corrupt, field, text};
use crate::directory::words;

/// What a record is read back from.
pub(crate) const COLUMNS: &str = "id, tenant, number_id, direction, media_mode, correlation, conversation_id, \
     version, created_at, updated_at, state, end_reason, agent_id, contact_id, facts";

/// A record's columns, ready to be bound.
pub(super) struct CallRow {
    pub(super) id: String,
    pub(super) version: i64,
    tenant: String,
    number: String,
    direction: &'static str,
    created_at: i64,
    media_mode: &'static str,
    state: &'static str,
    end_reason: Option<&'static str>,
    agent: Option<String>,
    wacid: Option<String>,
    peer_phone: Option<String>,
    peer_user_id: Option<String>,
    peer_name: Option<String>,
    correlation: Option<String>,
    conversation_id: Option<String>,
    updated_at: i64,
    rang_at: Option<i64>,
    answered_at: Option<i64>,
    ended_at: Option<i64>,
    duration_secs: Option<i64>,
    facts: String,
    contact: Option<String>,
    cost: Option<i64>,
    provider_cost: Option<i64>,
    currency: Option<String>,
    pub(super) entry: Entry,
    pub(super) slot: Slot,
    pub(super) counted: Counted,
}

/// What followed from a call before it is written anew.
pub(super) struct Before {
    pub(super) findable: Option<Findable>,
    /// What the company calls the contact now.
    pub(super) name: Option<String>,
    pub(super) counted: Counted,
}

impl CallRow {
    pub(super) fn of(record: &CallRecord) -> Result<Self, StoreFault> {
        let clean = |value: &String| text(value).into_owned();
        let party = &record.facts.party;
        let bill = record.facts.bill.as_ref().filter(|_| record.state.is_over());
        Ok(Self {
            id: record.id.as_str().to_owned(),
            version: i64::try_from(record.version).map_err(|_| StoreFault::Conflict)?,
            tenant: record.tenant.as_str().to_owned(),
            number: record.number.as_str().to_owned(),
            direction: direction_word(record.direction),
            created_at: record.created_at.as_micros(),
            media_mode: words::media_mode(record.media_mode),
            state: record.state.as_str(),
            end_reason: record.end_reason.map(EndReason::as_str),
            agent: record.agent.as_ref().map(|agent| agent.as_str().to_owned()),
            wacid: record.facts.wacid.as_ref().map(|wacid| text(wacid.as_str()).into_owned()),
            peer_phone: party.phone.as_ref().map(|phone| phone.digits().to_owned()),
            peer_user_id: party.user_id.as_ref().map(clean),
            peer_name: party.name.as_ref().map(clean),
            correlation: record.correlation.as_ref().map(clean),
            conversation_id: record.conversation_id.as_ref().map(clean),
            updated_at: record.updated_at.as_micros(),
            rang_at: record.rang_at().map(Time::as_micros),
            answered_at: record.answered_at().map(Time::as_micros),
            ended_at: record.ended_at().map(Time::as_micros),
            duration_secs: record.duration_secs().map(i64::from),
            contact: party.contact.as_ref().map(|contact| contact.id.as_str().to_owned()),
            facts: serde_json::to_string(&record.facts)
                .map_err(|_| StoreFault::Corrupt("a call's facts cannot be written as JSON".to_owned()))?,
            cost: bill.and_then(|bill| bill.cost).map(Money::parts),
            provider_cost: bill.and_then(|bill| bill.provider_cost).map(Money::parts),
            currency: bill.and_then(Bill::currency).map(|currency| currency.as_str().to_owned()),
            entry: Entry::of(record),
            slot: Slot::of(record),
            counted: Counted::of(record),
        })
    }

    /// A first commit. Writes nothing when the call is there already.
    pub(super) fn insert(&self) -> Query<'static, Any, AnyArguments> {
        const SQL: &str = "INSERT INTO calls (id, tenant, version, media_mode, state, end_reason, agent_id, wacid, \
             peer_phone, peer_user_id, peer_name, correlation, conversation_id, updated_at, rang_at, answered_at, \
             ended_at, duration_secs, facts, contact_id, cost, provider_cost, currency, number_id, direction, \
             created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
             $21, $22, $23, $24, $25, $26) ON CONFLICT (id) DO NOTHING";
        self.bind(SQL).bind(self.number.clone()).bind(self.direction).bind(self.created_at)
    }

    /// A later commit. Writes nothing unless it follows the stored version.
    pub(super) fn update(&self) -> Query<'static, Any, AnyArguments> {
        const SQL: &str = "UPDATE calls SET version = $3, media_mode = $4, state = $5, end_reason = $6, \
             agent_id = $7, wacid = $8, peer_phone = $9, peer_user_id = $10, peer_name = $11, correlation = $12, \
             conversation_id = $13, updated_at = $14, rang_at = $15, answered_at = $16, ended_at = $17, \
             duration_secs = $18, facts = $19, contact_id = COALESCE(contact_id, $20), cost = $21, \
             provider_cost = $22, currency = $23 WHERE id = $1 AND tenant = $2 AND version = $3 - 1";
        self.bind(SQL)
    }

    /// The values both statements begin with, in their order.
    fn bind(&self, sql: &'static str) -> Query<'static, Any, AnyArguments> {
        sqlx::query(sql)
            .bind(self.id.clone())
            .bind(self.tenant.clone())
            .bind(self.version)
            .bind(self.media_mode)
            .bind(self.state)
            .bind(self.end_reason)
            .bind(self.agent.clone())
            .bind(self.wacid.clone())
            .bind(self.peer_phone.clone())
            .bind(self.peer_user_id.clone())
            .bind(self.peer_name.clone())
            .bind(self.correlation.clone())
            .bind(self.conversation_id.clone())
            .bind(self.updated_at)
            .bind(self.rang_at)
            .bind(self.answered_at)
            .bind(self.ended_at)
            .bind(self.duration_secs)
            .bind(self.facts.clone())
            .bind(self.contact.clone())
            .bind(self.cost)
            .bind(self.provider_cost)
            .bind(self.currency.clone())
    }

    /// How the call this one follows was found and counted; none when this one follows nothing.
    pub(super) async fn before(&self, tx: &mut AnyConnection) -> Result<Option<Before>, Trouble> {
        const SQL: &str = "SELECT state, duration_secs, cost, provider_cost, currency, s.text, s.digits, \
             c.first_name, c.last_name FROM calls LEFT JOIN call_search s ON s.call_id = calls.id \
             LEFT JOIN contacts c ON c.id = calls.contact_id \
             WHERE calls.id = $1 AND calls.tenant = $2 AND calls.version = $3 - 1";
        let query = sqlx::query(SQL).bind(self.id.clone()).bind(self.tenant.clone()).bind(self.version);
        let Some(row) = query.fetch_optional(tx).await? else { return Ok(None) };
        let number = |column| field::<Option<i64>, _>(&row, column).map(Option::unwrap_or_default);
        let money = |column| number(column).map(Money::from_parts);
        let state = State::parse(field(&row, "state")?).ok_or_else(|| corrupt("calls.state"))?;
        let is = |it: State| i64::from(state == it);
        let tally = Tally {
            answered: is(State::Completed),
            declined: is(State::Rejected),
            missed: is(State::Missed),
            failed: is(State::Failed),
            talked_secs: if state == State::Completed { number("duration_secs")? } else { 0 },
            cost: money("cost")?,
            provider_cost: money("provider_cost")?,
            // Who called does not change.
            ..self.counted.tally
        };
        let currency = field::<Option<String>, _>(&row, "currency")?.unwrap_or_default();
        let name = search::name(&row)?;
        Ok(Some(Before { findable: search::kept(&row)?, name, counted: Counted { currency, tally } }))
    }
}

/// Reads a record back.
pub(crate) fn record(row: &AnyRow) -> Result<CallRecord, Trouble> {
    let id: &str = field(row, "id")?;
    let id = CallId::parse(id).ok_or_else(|| corrupt("calls.id"))?;
    let wrong = |column: &str| corrupt(&format!("calls.{column} of {id}"));
    let word = |column: &'static str| field::<&str, _>(row, column);
    let optional = |column: &'static str| field::<Option<String>, _>(row, column);
    let end_reason = match optional("end_reason")? {
        Some(reason) => Some(EndReason::parse(&reason).ok_or_else(|| wrong("end_reason"))?),
        None => None,
    };
    let agent = match optional("agent_id")? {
        Some(agent) => Some(UserId::parse(&agent).ok_or_else(|| wrong("agent_id"))?),
        None => None,
    };
    // The reader's own message may quote what it read.
    let mut facts: Facts = serde_json::from_str(word("facts")?).map_err(|_| wrong("facts"))?;
    // The column knows of merges since.
    if let (Some(contact), Some(id)) = (&mut facts.party.contact, optional("contact_id")?) {
        contact.id = ContactId::parse(&id).ok_or_else(|| wrong("contact_id"))?;
    }
    Ok(CallRecord {
        tenant: TenantId::parse(word("tenant")?).ok_or_else(|| wrong("tenant"))?,
        number: NumberId::parse(word("number_id")?).ok_or_else(|| wrong("number_id"))?,
        direction: direction(word("direction")?).ok_or_else(|| wrong("direction"))?,
        media_mode: words::read_media_mode(word("media_mode")?).ok_or_else(|| wrong("media_mode"))?,
        correlation: optional("correlation")?,
        conversation_id: optional("conversation_id")?,
        version: u64::try_from(field::<i64, _>(row, "version")?).map_err(|_| wrong("version"))?,
        created_at: Time::from_micros(field(row, "created_at")?),
        updated_at: Time::from_micros(field(row, "updated_at")?),
        state: State::parse(word("state")?).ok_or_else(|| wrong("state"))?,
        end_reason,
        agent,
        facts,
        id,
    })
}

/// The stored word for a direction.
pub(super) const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

pub(crate) fn direction(word: &str) -> Option<Direction> {
    [Direction::Inbound, Direction::Outbound].into_iter().find(|d| direction_word(*d) == word)
}
