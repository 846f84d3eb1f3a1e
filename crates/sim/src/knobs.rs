//! Timings, limits and fault switches: everything about the simulator that may be turned while it runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// All switches with Meta's behaviour as the default; times are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// From the 200 of an outbound `connect` to the webhook with the SDP answer.
    pub answer_webhook_ms: u64,
    /// From that webhook to the `RINGING` status.
    pub ringing_ms: u64,
    /// How long a user's phone rings before the call ends unanswered.
    pub ring_timeout_ms: u64,
    /// How long the business may take to accept an inbound call. Meta's pages say 30 to 60 s.
    pub accept_window_ms: u64,
    /// How long a phone outside may take to bring its SDP answer to an outbound call.
    pub setup_timeout_ms: u64,
    /// After the answer, without any sound from the business: the call fails with 138021.
    pub start_silence_ms: u64,
    /// In mid-call, without any packet from the business: the call fails with 138021.
    pub mid_silence_ms: u64,
    /// How long a magic phone rings before it answers.
    pub phone_answers_ms: u64,
    /// How long a magic phone rings before it declines.
    pub phone_declines_ms: u64,
    /// How long the phone with suffix 0005 stays in the call.
    pub phone_hangs_up_ms: u64,
    /// How long a caller with suffix 0003 waits before giving up.
    pub caller_gives_up_ms: u64,
    /// From the answer to the first key of suffix 0011.
    pub dtmf_after_ms: u64,
    /// How long a user with suffix 0012 or 0013 thinks about a permission request.
    pub permission_reply_ms: u64,
    /// Frequency of the magic tone.
    pub tone_hz: f32,
    /// Packets out of a hundred lost in each direction by suffix 0014.
    pub loss_percent: u8,

    /// Refuse SDP that Meta refuses (line ends, fingerprints, setup role, SSRCs, codecs).
    pub strict_sdp: bool,
    /// Error code of a refused SDP: 100 or 138008.
    pub sdp_error_code: u32,
    /// Refuse `sdp_type: offer` in `accept` at once instead of letting the media never come up.
    pub offer_in_accept_error: bool,
    /// What a user who never said anything about calls has granted.
    pub default_permission: DefaultPermission,
    /// Whether users have written lately, so that messages other than templates reach them.
    pub conversation_open: bool,
    /// Unanswered outbound calls in a row after which the permission is revoked; 0 never revokes.
    pub revoke_after_unanswered: u32,
    /// Permission requests allowed per user in 24 hours.
    pub permission_requests_per_day: u32,
    /// Permission requests allowed per user in 7 days.
    pub permission_requests_per_week: u32,
    /// Connected outbound calls allowed per user in 24 hours.
    pub connected_calls_per_day: u32,
    /// Simultaneous calls per business number.
    pub concurrent_calls: u32,
    /// New outbound calls per business number in 24 hours.
    pub new_calls_per_day: u32,
    /// Permission look-ups per business number and second.
    pub permission_checks_per_second: u32,

    /// DTLS role written in the answer to an outbound call.
    pub dtls_role: DtlsRole,
    /// Advertise an IPv6 candidate besides the IPv4 one, as Meta does. It is a documentation address.
    pub ipv6_candidate: bool,

    /// Every webhook waits this long.
    pub webhook_delay_ms: u64,
    /// How many extra copies of every webhook are sent, each 400 ms later than the one before.
    pub webhook_duplicates: u8,
    /// Hold `connect` back so that a quick `terminate` overtakes it.
    pub webhook_reorder: bool,
    /// Collect webhooks for this long and send them in one POST; 0 sends each alone.
    pub webhook_batch_ms: u64,
    /// Give up on an attempt after this long.
    pub webhook_timeout_ms: u64,
    /// Waits between attempts; when they are used up the webhook is lost.
    pub webhook_retry_ms: Vec<u64>,
    /// Leave `contacts` out of call webhooks.
    pub drop_contacts: bool,
    /// The user adopted a username: phone fields are empty, only `*_user_id` identifies the user.
    pub bsuid_only: bool,
    /// Add the superseded `connection` key to `connect` webhooks.
    pub legacy_connection: bool,
    /// Add keys nobody knows to every webhook.
    pub unknown_keys: bool,
    /// Send webhooks with an unknown field and an unknown call event beside the real ones.
    pub unknown_events: bool,
    /// Write `href` into the errors of failed calls.
    pub error_href: bool,
    /// Write `Completed` and `Failed` instead of upper case.
    pub capitalised_status: bool,
    /// Deliver the `connect` webhook of every outbound call before the reply to the POST.
    pub connect_webhook_first: bool,
    /// Add the legacy SHA-1 signature.
    pub sha1_signature: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            answer_webhook_ms: 1_000,
            ringing_ms: 200,
            ring_timeout_ms: 60_000,
            accept_window_ms: 30_000,
            setup_timeout_ms: 15_000,
            start_silence_ms: 20_000,
            mid_silence_ms: 30_000,
            phone_answers_ms: 1_000,
            phone_declines_ms: 1_000,
            phone_hangs_up_ms: 5_000,
            caller_gives_up_ms: 3_000,
            dtmf_after_ms: 2_000,
            permission_reply_ms: 1_000,
            tone_hz: 440.0,
            loss_percent: 10,
            strict_sdp: true,
            sdp_error_code: 100,
            offer_in_accept_error: false,
            default_permission: DefaultPermission::Temporary,
            conversation_open: true,
            revoke_after_unanswered: 4,
            permission_requests_per_day: 1,
            permission_requests_per_week: 2,
            connected_calls_per_day: 100,
            concurrent_calls: 1_000,
            new_calls_per_day: 10_000,
            permission_checks_per_second: 100,
            dtls_role: DtlsRole::Passive,
            ipv6_candidate: true,
            webhook_delay_ms: 0,
            webhook_duplicates: 0,
            webhook_reorder: false,
            webhook_batch_ms: 0,
            webhook_timeout_ms: 20_000,
            webhook_retry_ms: vec![1_000, 3_000, 10_000, 30_000, 120_000, 600_000],
            drop_contacts: false,
            bsuid_only: false,
            legacy_connection: false,
            unknown_keys: false,
            unknown_events: false,
            error_href: false,
            capitalised_status: false,
            connect_webhook_first: false,
            sha1_signature: true,
        }
    }
}

impl Knobs {
    /// Everything a test wants short: calls that ring, answer and time out within moments.
    pub fn quick() -> Self {
        Self {
            answer_webhook_ms: 20,
            ringing_ms: 20,
            phone_answers_ms: 50,
            phone_declines_ms: 50,
            phone_hangs_up_ms: 500,
            caller_gives_up_ms: 300,
            dtmf_after_ms: 200,
            permission_reply_ms: 20,
            webhook_retry_ms: vec![50, 100, 200, 400, 800],
            ..Self::default()
        }
    }

    /// These knobs with the keys of `patch` replaced.
    pub fn patched(&self, patch: &Value) -> Result<Self, KnobsError> {
        let Value::Object(patch) = patch else { return Err(KnobsError::NotAnObject) };
        let mut whole = serde_json::to_value(self).expect("knobs are plain data");
        let object = whole.as_object_mut().expect("knobs are an object");
        for (key, value) in patch {
            object.insert(key.clone(), value.clone());
        }
        serde_json::from_value(whole).map_err(|error| KnobsError::Invalid(error.to_string()))
    }
}

/// Why a change of the knobs was refused.
#[derive(Debug, Error)]
pub enum KnobsError {
    /// The body is not a JSON object.
    #[error("knobs are a JSON object")]
    NotAnObject,
    /// A key is unknown or a value has the wrong type.
    #[error("invalid knobs: {0}")]
    Invalid(String),
}

/// What a user has granted who never said anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultPermission {
    /// No permission: every outbound call needs a request first.
    None,
    /// Seven days from now, always.
    Temporary,
    /// Until revoked.
    Permanent,
}

/// The `setup` line of an SDP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DtlsRole {
    /// The business is the DTLS client.
    Passive,
    /// WhatsApp is the DTLS client.
    Active,
    /// Written as it was offered; WhatsApp then waits as if passive.
    Actpass,
}

impl DtlsRole {
    /// The word in SDP.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passive => "passive",
            Self::Active => "active",
            Self::Actpass => "actpass",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_changes_only_its_keys() {
        let knobs = Knobs::default().patched(&json!({"ring_timeout_ms": 5, "dtls_role": "active"})).unwrap();
        assert_eq!(knobs, Knobs { ring_timeout_ms: 5, dtls_role: DtlsRole::Active, ..Knobs::default() });
    }

    #[test]
    fn a_misspelt_knob_is_refused() {
        assert!(Knobs::default().patched(&json!({"ring_timeout": 5})).is_err());
    }
}
