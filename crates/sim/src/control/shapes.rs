//! Bodies of the control API.

use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::{ControlError, PermissionRequest};
use crate::call::record::Record;
use crate::call::words::Direction;
use crate::magic::{Script, Sound};
use crate::phone::heard::HeardView;
use crate::phone::registry::Mode;
use crate::webhook::log::{WebhookAttempt, WebhookTimes};
use crate::world::calls::CallEntry;

/// A user's call to the business. What is left out follows the last four digits of `from`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaceCall {
    /// The caller, `+` and digits.
    pub from: String,
    /// Phone number id or number of the business; the first number when left out.
    pub to: Option<String>,
    /// `echo`, `tone`, `silence` or `nothing`.
    pub behaviour: Option<String>,
    /// Frequency of the tone.
    pub hz: Option<f32>,
    /// The caller gives up after this long.
    pub give_up_after_ms: Option<u64>,
    /// The caller hangs up this long after the answer.
    pub hang_up_after_ms: Option<u64>,
    /// Keys pressed after the answer.
    pub keys: Option<String>,
    /// `terminate` overtakes `connect`.
    pub terminate_first: Option<bool>,
    /// The caller's profile name.
    pub profile_name: Option<String>,
    /// As if the call came from a `wa.me/call` link.
    pub deeplink_payload: Option<String>,
    /// As if the call came from a call button.
    pub cta_payload: Option<String>,
}

impl PlaceCall {
    /// A call from this number with the behaviour of its last four digits.
    pub fn from(phone: &str) -> Self {
        Self { from: phone.to_owned(), ..Self::default() }
    }

    pub(super) fn script(&self, magic: Script) -> Result<Script, ControlError> {
        let mut script = magic;
        if let Some(sound) = sound(self.behaviour.as_deref(), self.hz)? {
            script.sound = sound;
        }
        script.gives_up_after_ms = self.give_up_after_ms.or(script.gives_up_after_ms);
        script.hangs_up_after_ms = self.hang_up_after_ms.or(script.hangs_up_after_ms);
        script.keys = self.keys.clone().or(script.keys);
        script.terminate_first = self.terminate_first.unwrap_or(script.terminate_first);
        Ok(script)
    }
}

/// How a phone behaves that the control API answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerOptions {
    /// `echo`, `tone`, `silence` or `nothing`.
    pub behaviour: Option<String>,
    /// Frequency of the tone.
    pub hz: Option<f32>,
    /// Hangs up this long after the answer.
    pub hang_up_after_ms: Option<u64>,
    /// Keys pressed after the answer.
    pub keys: Option<String>,
}

impl AnswerOptions {
    pub(super) fn is_empty(&self) -> bool {
        self.behaviour.is_none()
            && self.hz.is_none()
            && self.hang_up_after_ms.is_none()
            && self.keys.is_none()
    }

    pub(super) fn script(&self, mut script: Script) -> Result<Script, ControlError> {
        if let Some(sound) = sound(self.behaviour.as_deref(), self.hz)? {
            script.sound = sound;
        }
        script.hangs_up_after_ms = self.hang_up_after_ms;
        script.keys.clone_from(&self.keys);
        Ok(script)
    }
}

/// A call and everything known of it; times are Unix milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct CallDetail {
    /// Short id, safe in a path.
    pub id: String,
    /// Meta's id.
    pub wacid: String,
    /// `USER_INITIATED` or `BUSINESS_INITIATED`.
    pub direction: &'static str,
    /// The user, `+` and digits.
    pub user: String,
    /// The business number's id.
    pub phone_number_id: String,
    /// `biz_opaque_callback_data`.
    pub opaque: Option<String>,
    #[serde(flatten)]
    pub(crate) record: Record,
    /// What the user's phone heard of the business.
    pub heard: Option<HeardView>,
}

impl CallDetail {
    /// `placed`, `signalled`, `ringing`, `pre_accepted`, `active` or `ended`.
    pub fn phase(&self) -> &'static str {
        self.record.phase
    }

    /// Why the call ended.
    pub fn reason(&self) -> Option<&'static str> {
        self.record.reason
    }

    /// When the user's phone showed the call as answered.
    pub fn answered_ms(&self) -> Option<u64> {
        self.record.answered_ms
    }

    /// When the call ended.
    pub fn ended_ms(&self) -> Option<u64> {
        self.record.ended_ms
    }

    /// What the business did that Meta would not like.
    pub fn findings(&self) -> &[&'static str] {
        &self.record.findings
    }
}

/// Calls, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct CallList {
    /// How many are not over.
    pub live: usize,
    /// All that are remembered.
    pub calls: Vec<CallDetail>,
}

/// Webhooks and how quickly they are answered.
#[derive(Clone, Debug, Serialize)]
pub struct Webhooks {
    /// Where they go.
    pub url: Option<Url>,
    /// Measured answer times.
    pub times: WebhookTimes,
    /// Attempts, oldest first.
    pub attempts: Vec<WebhookAttempt>,
}

/// What the subscription handshake found.
#[derive(Clone, Debug, Serialize)]
pub struct SubscribeReport {
    /// 200 with the challenge as the body.
    pub verified: bool,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The beginning of what came back.
    pub body: String,
}

/// Permissions with a history, and requests on users' phones.
#[derive(Clone, Debug, Serialize)]
pub struct Consents {
    /// `{phone_number_id, user, status, expiration_time}`.
    pub states: Vec<Value>,
    /// Not answered yet.
    pub requests: Vec<PermissionRequest>,
}

/// A user decides about calls.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PermissionChange {
    /// The request that is answered; left out when the user decides alone.
    pub request: Option<String>,
    /// Who decides, when there is no request.
    pub user: Option<String>,
    /// About which business number; the first one when left out.
    pub number: Option<String>,
    /// `accept`, `reject`, or `forget` for back to the default without a webhook.
    pub response: String,
    /// Always, not only for seven days.
    pub permanent: bool,
}

/// A connected phone.
#[derive(Clone, Debug, Serialize)]
pub struct PhoneView {
    /// Its number; none rings for every number nobody else answers.
    pub number: Option<String>,
    pub(crate) mode: Mode,
}

pub(super) fn list(entries: &[Arc<CallEntry>]) -> CallList {
    let live = entries.iter().filter(|entry| !entry.is_over()).count();
    CallList { live, calls: entries.iter().rev().map(|entry| detail(entry, false)).collect() }
}

pub(super) fn detail(entry: &CallEntry, with_windows: bool) -> CallDetail {
    let heard = entry.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let heard = heard.map(|heard| heard.lock().unwrap_or_else(PoisonError::into_inner).view(with_windows));
    CallDetail {
        id: entry.ids.short.clone(),
        wacid: entry.ids.wacid.clone(),
        direction: match entry.direction {
            Direction::User => "USER_INITIATED",
            Direction::Business => "BUSINESS_INITIATED",
        },
        user: format!("+{}", entry.user.digits),
        phone_number_id: entry.number.phone_number_id.clone(),
        opaque: entry.opaque.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        record: entry.record().clone(),
        heard,
    }
}

fn sound(behaviour: Option<&str>, hz: Option<f32>) -> Result<Option<Sound>, ControlError> {
    const DEFAULT_HZ: f32 = 440.0;
    if hz.is_some_and(|hz| !(20.0..=7_500.0).contains(&hz)) {
        return Err(ControlError::Invalid("hz is between 20 and 7500".to_owned()));
    }
    match behaviour {
        None => Ok(hz.map(Sound::Tone)),
        Some("echo") => Ok(Some(Sound::Echo)),
        Some("tone") => Ok(Some(Sound::Tone(hz.unwrap_or(DEFAULT_HZ)))),
        Some("silence") => Ok(Some(Sound::Silence)),
        Some("nothing") => Ok(Some(Sound::Nothing)),
        Some(_) => Err(ControlError::Invalid("behaviour is echo, tone, silence or nothing".to_owned())),
    }
}
