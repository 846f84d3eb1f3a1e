//! Shapes of webhooks and deliveries, as clients send and read them.

use std::collections::BTreeMap;

use offhook_core::hook::{Attempt, Delivery, Dress, Hook};
use offhook_core::house::BusinessNumber;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::manners::moment;

/// A webhook to make.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateWebhook {
    /// Where events are sent: HTTPS on the Internet, unless the operator allows private networks.
    #[schema(example = "https://crm.example.com/offhook")]
    pub(super) url: Option<String>,
    /// Names of events, beginnings of names that end in `.*`, or `*`.
    #[schema(example = json!(["whatsapp.call.*"]))]
    pub(super) events: Option<Vec<String>>,
    /// For people.
    pub(super) description: Option<String>,
    /// The signing secret, 16 to 256 visible characters; one is made when it is left out.
    pub(super) secret: Option<String>,
    /// In whose words: `orbit` (the default), `vobiz` or `meta`.
    #[schema(example = "orbit")]
    pub(super) dress: Option<String>,
    /// Only events of this business number (Meta's id); required with the dress `meta`.
    pub(super) phone_number_id: Option<String>,
    /// Headers sent with every request. Their values are not shown again.
    pub(super) headers: Option<BTreeMap<String, String>>,
}

/// What of a webhook is changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ChangeWebhook {
    /// Where events are sent from now on.
    pub(super) url: Option<String>,
    /// The new list of names, instead of the old one.
    pub(super) events: Option<Vec<String>>,
    /// False pauses: nothing is sent until it is true again, then everything since.
    pub(super) active: Option<bool>,
    /// For people.
    pub(super) description: Option<String>,
}

/// A webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhook {
    #[schema(example = "wh_0192f0c1a2b374d5a6e7f8091a2b3c4d")]
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    #[schema(required)]
    pub(crate) description: Option<String>,
    /// In whose words: `orbit`, `vobiz` or `meta`.
    pub(crate) dress: &'static str,
    #[schema(required)]
    pub(crate) phone_number_id: Option<String>,
    pub(crate) active: bool,
    /// Why the server has made it inactive: `failing` or `gone`.
    #[schema(required)]
    pub(crate) disabled_reason: Option<&'static str>,
    /// Failures since the last success.
    pub(crate) consecutive_failures: u32,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
}

/// A fresh webhook, with its secret: shown here and never again.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedWebhook {
    #[serde(flatten)]
    #[schema(inline)]
    pub(crate) webhook: Webhook,
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub(crate) signing_secret: String,
}

/// A rotation to make. Everything may be left out.
#[derive(Deserialize, Default, ToSchema)]
pub(crate) struct RotateSecret {
    /// The new secret, 16 to 256 visible characters; one is made when it is left out.
    pub(super) secret: Option<String>,
}

/// A fresh secret, shown here and never again.
#[derive(Serialize, ToSchema)]
pub(crate) struct RotatedSecret {
    pub(crate) signing_secret: String,
    /// Until when requests carry a signature of the secret before as well.
    #[schema(format = DateTime)]
    pub(crate) previous_secret_expires_at: String,
}

/// A test on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestSent {
    pub(crate) event_id: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
}

/// What is sent again: one event, a stretch of time, or what was given up.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Replay {
    /// One event.
    pub(super) event_id: Option<String>,
    /// Events written at or after.
    #[schema(format = DateTime)]
    pub(super) since: Option<String>,
    /// Events written before; now, when it is left out.
    #[schema(format = DateTime)]
    pub(super) until: Option<String>,
    /// One delivery that was given up.
    pub(super) delivery_id: Option<String>,
    /// Everything that was given up.
    pub(super) dead: Option<bool>,
}

/// What comes of a replay.
#[derive(Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// Deliveries made.
    pub(crate) deliveries: u64,
    /// Where to go on, when there was more than one request may ask for.
    #[schema(required, format = DateTime)]
    pub(crate) rest_since: Option<String>,
}

/// An event on its way to a webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryRow {
    #[schema(example = "0192f0c1-a2b3-74d5-a6e7-f8091a2b3c4d")]
    pub(crate) id: String,
    pub(crate) event_id: String,
    #[schema(example = "whatsapp.call.completed")]
    pub(crate) event_type: String,
    /// `due`, `waiting` behind an earlier event of the same call, `delivered`, or `dead`.
    pub(crate) state: &'static str,
    pub(crate) success: bool,
    /// The HTTP status of the last answer.
    #[schema(required)]
    pub(crate) http_status: Option<u16>,
    #[schema(required)]
    pub(crate) response_time_ms: Option<u64>,
    pub(crate) attempts: u32,
    pub(crate) retry_count: u32,
    #[schema(required)]
    pub(crate) error: Option<String>,
    #[schema(required)]
    pub(crate) request_headers: Option<BTreeMap<String, String>>,
    #[schema(required)]
    pub(crate) response_headers: Option<BTreeMap<String, String>>,
    /// The beginning of the answer, when it was a failure.
    #[schema(required)]
    pub(crate) response_body: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(required, format = DateTime)]
    pub(crate) last_attempt_at: Option<String>,
    #[schema(required, format = DateTime)]
    pub(crate) next_attempt_at: Option<String>,
}

impl Webhook {
    pub(crate) fn of(hook: &Hook, numbers: &[BusinessNumber]) -> Self {
        let number = hook.number.as_ref().and_then(|id| numbers.iter().find(|number| number.id == *id));
        Self {
            id: hook.id.to_string(),
            url: hook.url.clone(),
            events: hook.topics.clone(),
            description: hook.description.clone(),
            dress: hook.dress.as_str(),
            phone_number_id: number.map(|number| number.meta_id.to_string()),
            active: hook.active,
            disabled_reason: hook.disabled.map(|why| why.as_str()),
            consecutive_failures: hook.health.failures,
            created_at: moment::whole(hook.created_at),
            updated_at: moment::whole(hook.updated_at),
        }
    }
}

impl DeliveryRow {
    pub(crate) fn of(delivery: &Delivery, dress: Dress) -> Self {
        let last = delivery.last.as_ref();
        let headers = |pick: fn(&Attempt) -> &Vec<(String, String)>| {
            last.map(|last| pick(last).iter().cloned().collect::<BTreeMap<_, _>>())
        };
        let event_id = super::sent::told_id(delivery, dress);
        Self {
            id: delivery.id.to_string(),
            event_id,
            event_type: delivery.name.clone(),
            state: delivery.state.as_str(),
            success: delivery.state == offhook_core::hook::DeliveryState::Delivered,
            http_status: last.and_then(|last| last.status),
            response_time_ms: last.map(|last| last.took_ms),
            attempts: delivery.tries,
            retry_count: delivery.tries.saturating_sub(1),
            error: last.and_then(|last| last.error.clone()),
            request_headers: headers(|last| &last.request_headers),
            response_headers: headers(|last| &last.response_headers),
            response_body: last.and_then(|last| last.response_body.clone()),
            created_at: moment::precise(delivery.created_at),
            last_attempt_at: last.map(|last| moment::precise(last.at)),
            next_attempt_at: delivery.due_at.map(moment::precise),
        }
    }
}
