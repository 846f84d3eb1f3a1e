//! A call as it was at one moment: what an entry of the log keeps of it for those who are told later.
//!
//! No SDP and nothing of the table: those are read from the record by whoever may see them.

use serde::{Deserialize, Serialize};

use super::end::EndReason;
use super::record::{CallRecord, State};
use crate::bill::Bill;
use crate::house::MediaMode;
use crate::id::{NumberId, UserId, Wacid};
use crate::meta::{Direction, Party};
use crate::time::Time;

/// The facts of a call that events tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Glance {
    /// Meta's id, once known.
    pub wacid: Option<Wacid>,
    /// The business number.
    pub number: NumberId,
    /// From whose hand.
    pub direction: Direction,
    /// Who carries the sound.
    pub media_mode: MediaMode,
    /// Where it was.
    pub state: State,
    /// Why it ended, once it had.
    pub end_reason: Option<EndReason>,
    /// Meta's code of the error that ended it.
    pub error_code: Option<i64>,
    /// The user.
    pub party: Party,
    /// Who had taken or placed it.
    pub agent: Option<UserId>,
    /// The client's correlation.
    pub correlation: Option<String>,
    /// The client's conversation.
    pub conversation_id: Option<String>,
    /// When we first knew of it.
    pub created_at: Time,
    /// When the called side began to ring.
    pub rang_at: Option<Time>,
    /// When the conversation began.
    pub answered_at: Option<Time>,
    /// When it was over.
    pub ended_at: Option<Time>,
    /// Talking time in whole seconds, once over.
    pub duration_secs: Option<u32>,
    /// What it costs, once over.
    #[serde(default)]
    pub bill: Option<Bill>,
}

impl Glance {
    /// The record as it is now.
    #[must_use]
    pub fn of(record: &CallRecord) -> Self {
        Self {
            wacid: record.facts.wacid.clone(),
            number: record.number.clone(),
            direction: record.direction,
            media_mode: record.media_mode,
            state: record.state,
            end_reason: record.end_reason,
            error_code: record.facts.error().map(|error| error.code),
            party: record.facts.party.clone(),
            agent: record.agent.clone(),
            correlation: record.correlation.clone(),
            conversation_id: record.conversation_id.clone(),
            created_at: record.created_at,
            rang_at: record.rang_at(),
            answered_at: record.answered_at(),
            ended_at: record.ended_at(),
            duration_secs: record.duration_secs(),
            bill: record.facts.bill.clone(),
        }
    }
}
