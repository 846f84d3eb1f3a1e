//! A recording's record as a row.

use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::ports::StoreFault;
use offhook_core::recording::{
    Consent, ConsentMode, Deleted, DeletedWhy, RecordedParty, Recording, RecordingState, StoredSound,
};
use offhook_core::time::Time;
use sqlx::Any;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;

use crate::database::{Trouble, corrupt, field};

/// What a record is read back from.
pub(super) const COLUMNS: &str = "id, tenant, call_id, state, started_at, ended_at, length_ms, bytes, checksum, \
     parties, wrapped_key, consent_mode, announced_at, announced_until, expires_at, deleted_at, deleted_why";

/// A record's columns, ready to be bound.
pub(super) struct RecordingRow {
    recording: Recording,
    length_ms: i64,
    bytes: Option<i64>,
    parties: String,
}

impl RecordingRow {
    pub(super) fn of(recording: &Recording) -> Result<Self, StoreFault> {
        let large = |_| StoreFault::Corrupt("a recording's size is beyond all measure".to_owned());
        Ok(Self {
            length_ms: i64::try_from(recording.length_ms).map_err(large)?,
            bytes: recording.stored.as_ref().map(|s| i64::try_from(s.bytes)).transpose().map_err(large)?,
            parties: serde_json::to_string(&recording.parties).map_err(|_| {
                StoreFault::Corrupt("a recording's parties cannot be written as JSON".to_owned())
            })?,
            recording: recording.clone(),
        })
    }

    pub(super) fn insert(&self) -> Query<'static, Any, AnyArguments> {
        const SQL: &str = "INSERT INTO recordings (id, tenant, state, ended_at, length_ms, bytes, checksum, \
             parties, wrapped_key, consent_mode, announced_at, announced_until, expires_at, deleted_at, \
             deleted_why, call_id, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
        let Recording { call, started_at, .. } = &self.recording;
        self.bind(SQL).bind(call.as_str().to_owned()).bind(started_at.as_micros())
    }

    /// Writes nothing to another tenant's row, or to one whose sound is deleted.
    pub(super) fn update(&self) -> Query<'static, Any, AnyArguments> {
        const SQL: &str = "UPDATE recordings SET state = $3, ended_at = $4, length_ms = $5, bytes = $6, \
             checksum = $7, parties = $8, wrapped_key = $9, consent_mode = $10, announced_at = $11, \
             announced_until = $12, expires_at = $13, deleted_at = $14, deleted_why = $15 \
             WHERE id = $1 AND tenant = $2 AND state <> 'deleted'";
        self.bind(SQL)
    }

    /// The values both statements begin with, in their order.
    fn bind(&self, sql: &'static str) -> Query<'static, Any, AnyArguments> {
        let one = &self.recording;
        let micros = |time: Option<Time>| time.map(Time::as_micros);
        sqlx::query(sql)
            .bind(one.id.as_str().to_owned())
            .bind(one.tenant.as_str().to_owned())
            .bind(one.state.as_str())
            .bind(micros(one.ended_at))
            .bind(self.length_ms)
            .bind(self.bytes)
            .bind(one.stored.as_ref().map(|stored| stored.checksum.to_vec()))
            .bind(self.parties.clone())
            .bind(one.wrapped_key.clone())
            .bind(one.consent.mode.as_str())
            .bind(micros(one.consent.announced_at))
            .bind(micros(one.consent.announced_until))
            .bind(one.expires_at.as_micros())
            .bind(micros(one.deleted.map(|deleted| deleted.at)))
            .bind(one.deleted.map(|deleted| deleted.why.as_str()))
    }
}

/// Reads a record back.
pub(super) fn recording(row: &AnyRow) -> Result<Recording, Trouble> {
    let id = RecordingId::parse(field(row, "id")?).ok_or_else(|| corrupt("recordings.id"))?;
    let wrong = |column: &str| corrupt(&format!("recordings.{column} of {id}"));
    let word = |column: &'static str| field::<&str, _>(row, column);
    let time = |column: &'static str| -> Result<Option<Time>, Trouble> {
        Ok(field::<Option<i64>, _>(row, column)?.map(Time::from_micros))
    };
    let stored = match (field::<Option<i64>, _>(row, "bytes")?, field::<Option<Vec<u8>>, _>(row, "checksum")?)
    {
        (Some(bytes), Some(checksum)) => Some(StoredSound {
            bytes: u64::try_from(bytes).map_err(|_| wrong("bytes"))?,
            checksum: checksum.try_into().map_err(|_| wrong("checksum"))?,
        }),
        (None, None) => None,
        _ => return Err(wrong("checksum")),
    };
    let deleted = match (time("deleted_at")?, field::<Option<&str>, _>(row, "deleted_why")?) {
        (Some(at), Some(why)) => {
            Some(Deleted { at, why: DeletedWhy::parse(why).ok_or_else(|| wrong("deleted_why"))? })
        }
        (None, None) => None,
        _ => return Err(wrong("deleted_why")),
    };
    // The reader's own message may quote what it read.
    let parties: Vec<RecordedParty> = serde_json::from_str(word("parties")?).map_err(|_| wrong("parties"))?;
    Ok(Recording {
        tenant: TenantId::parse(word("tenant")?).ok_or_else(|| wrong("tenant"))?,
        call: CallId::parse(word("call_id")?).ok_or_else(|| wrong("call_id"))?,
        state: RecordingState::parse(word("state")?).ok_or_else(|| wrong("state"))?,
        started_at: Time::from_micros(field(row, "started_at")?),
        ended_at: time("ended_at")?,
        length_ms: u64::try_from(field::<i64, _>(row, "length_ms")?).map_err(|_| wrong("length_ms"))?,
        stored,
        parties,
        wrapped_key: field(row, "wrapped_key")?,
        consent: Consent {
            mode: ConsentMode::parse(word("consent_mode")?).ok_or_else(|| wrong("consent_mode"))?,
            announced_at: time("announced_at")?,
            announced_until: time("announced_until")?,
        },
        expires_at: Time::from_micros(field(row, "expires_at")?),
        deleted,
        id,
    })
}
