//! A call as a row of lists and exports (provider-apis.md 2.9.4), as its reader may see it.

use offhook_core::bill::{Bill, billable};
use offhook_core::call::CallRecord;
use offhook_core::house::BusinessNumber;
use offhook_core::id::{UserId, Wacid};
use offhook_core::meta::Direction;
use offhook_core::phone::Phone;
use offhook_core::search::spells;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::status;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right};

/// What stands in place of a text that gives a masked number away.
const HIDDEN: &str = "****";

/// What a reader may see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eyes {
    pub(super) phones: bool,
    pub(super) costs: bool,
}

impl Eyes {
    pub(super) fn of(principal: &Principal) -> Self {
        Self { phones: principal.role().sees_phones(), costs: principal.may(Right::ReadCosts) }
    }
}

/// A call. What is not known is null.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CallRow {
    /// Our id.
    #[schema(example = "wac_0192f0c1a2b374d5a6e7f8091a2b3c4d")]
    pub(super) id: String,
    /// WhatsApp's id; null for roles that see phone numbers masked, because it has the number inside.
    #[schema(required)]
    pub(super) meta_call_id: Option<String>,
    /// WhatsApp Business Account.
    #[schema(required)]
    pub(super) waba_id: Option<String>,
    /// Meta's id of the business number.
    #[schema(required, example = "470011223344556")]
    pub(super) phone_number_id: Option<String>,
    /// `inbound` or `outbound`.
    pub(super) direction: &'static str,
    /// `queued`, `ringing`, `in_progress`, `completed`, `failed` or `missed`.
    pub(super) status: &'static str,
    /// Why it ended.
    #[schema(required, example = "remote_hangup")]
    pub(super) end_reason: Option<&'static str>,
    /// E.164, the last four digits masked for the roles viewer and billing.
    #[schema(required, example = "+351210000001")]
    pub(super) from_phone: Option<String>,
    /// As `from_phone`.
    #[schema(required, example = "+351910000002")]
    pub(super) to_phone: Option<String>,
    #[schema(required)]
    pub(super) contact_id: Option<String>,
    /// The contact's name, else the user's profile name.
    #[schema(required, example = "Rui Faria")]
    pub(super) contact_name: Option<String>,
    #[schema(required)]
    pub(super) conversation_id: Option<String>,
    #[schema(required)]
    pub(super) biz_opaque_callback_data: Option<String>,
    #[schema(required)]
    pub(super) agent_id: Option<String>,
    #[schema(required)]
    pub(super) queue_id: Option<String>,
    #[schema(format = DateTime)]
    pub(super) started_at: String,
    #[schema(required, format = DateTime)]
    pub(super) ringing_at: Option<String>,
    #[schema(required, format = DateTime)]
    pub(super) answered_at: Option<String>,
    #[schema(required, format = DateTime)]
    pub(super) ended_at: Option<String>,
    /// Talking time, once it is over.
    #[schema(required)]
    pub(super) duration_seconds: Option<u32>,
    /// 0 without an answer, else 60 at least.
    #[schema(required)]
    pub(super) billable_seconds: Option<u32>,
    /// What the house charges, a decimal; null when no price is known, and for roles that see no costs.
    #[schema(required, example = "0.0412")]
    pub(super) cost: Option<String>,
    /// What WhatsApp charges, likewise.
    #[schema(required, example = "0.0430")]
    pub(super) provider_cost: Option<String>,
    #[schema(required, example = "USD")]
    pub(super) currency: Option<String>,
    pub(super) recording: RowRecording,
    #[schema(required)]
    pub(super) error_code: Option<&'static str>,
    #[schema(format = DateTime)]
    pub(super) created_at: String,
    #[schema(format = DateTime)]
    pub(super) updated_at: String,
}

/// The recording of a row. Its files are asked for by their ids, which a single call has.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RowRecording {
    /// `absent`, `done`, or what it does now.
    pub(super) state: &'static str,
    #[schema(required)]
    pub(super) url: Option<String>,
}

impl CallRow {
    pub(super) fn of(call: &CallRecord, number: Option<&BusinessNumber>, eyes: Eyes) -> Self {
        let show = |phone: &Phone| if eyes.phones { phone.reveal() } else { phone.to_string() };
        let phone = call.facts.party.phone.as_ref();
        let told = |text: &Option<String>| {
            let text = text.clone()?;
            let telling = !eyes.phones && spells(&text, phone);
            Some(if telling { HIDDEN.to_owned() } else { text })
        };
        let (ours, theirs) = (number.map(|number| show(&number.phone)), phone.map(show));
        let (from_phone, to_phone) = match call.direction {
            Direction::Inbound => (theirs, ours),
            Direction::Outbound => (ours, theirs),
        };
        let (bill, over) = (call.facts.bill.as_ref(), call.state.is_over());
        let seen = bill.filter(|_| eyes.costs && over);
        let recording = call.facts.table.recording.as_ref().map(|recording| recording.state.as_str());
        let done = if call.facts.recordings.is_empty() { "absent" } else { "done" };
        Self {
            id: call.id.as_str().to_owned(),
            meta_call_id: call
                .facts
                .wacid
                .as_ref()
                .filter(|_| eyes.phones)
                .map(Wacid::as_str)
                .map(str::to_owned),
            waba_id: number.map(|number| number.waba_id.clone()),
            phone_number_id: number.map(|number| number.meta_id.as_str().to_owned()),
            direction: match call.direction {
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            },
            status: status::word(call),
            end_reason: call.end_reason.map(|reason| reason.as_str()),
            from_phone,
            to_phone,
            contact_id: call.facts.party.contact.as_ref().map(|contact| contact.id.as_str().to_owned()),
            contact_name: told(&call.facts.party.shown().cloned()),
            conversation_id: told(&call.conversation_id),
            biz_opaque_callback_data: told(&call.correlation),
            agent_id: call.agent.as_ref().map(UserId::as_str).map(str::to_owned),
            queue_id: None,
            started_at: moment::whole(call.created_at),
            ringing_at: call.rang_at().map(moment::whole),
            answered_at: call.answered_at().map(moment::whole),
            ended_at: call.ended_at().map(moment::whole),
            duration_seconds: call.duration_secs(),
            billable_seconds: over
                .then(|| bill.map_or_else(|| billable(call.duration_secs()), |it| it.billable_secs)),
            cost: seen.and_then(|bill| bill.cost).map(|cost| cost.to_string()),
            provider_cost: seen.and_then(|bill| bill.provider_cost).map(|cost| cost.to_string()),
            currency: seen.and_then(Bill::currency).map(|currency| currency.as_str().to_owned()),
            recording: RowRecording { state: recording.unwrap_or(done), url: None },
            error_code: call.end_reason.and_then(ApiError::by_reason).map(|error| error.code()),
            created_at: moment::whole(call.created_at),
            updated_at: moment::whole(call.updated_at),
        }
    }
}
