//! What a request without a good reply means (whatsapp-calling.md 7).

use std::time::Duration;

use http::{StatusCode, header};
use serde_json::Value;

use offhook_core::call::Ask;
use offhook_core::meta::MetaError;

use super::wire::Answer;

/// Graph's code for an expired, revoked or malformed token.
pub(super) const TOKEN_INVALID: i64 = 190;

/// Longest text of Meta's that is handed on. Real ones are a sentence.
const MAX_MESSAGE: usize = 500;

/// An attempt without a good reply.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It never left us.
    NotSent,
    /// Time-out or broken connection, at any point after the first byte may have left.
    Lost,
    /// A reply that is not Meta's form: an error page, another party's answer, a redirect, too large.
    Nonsense {
        /// Its status.
        status: StatusCode,
    },
    /// Meta's own error.
    Said(Box<GraphError>),
}

impl Trouble {
    /// For counters and logs.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::NotSent => "unreachable",
            Self::Lost => "lost",
            Self::Nonsense { .. } => "nonsense",
            Self::Said(_) => "error",
        }
    }

    /// Whether a request that may be repeated should be.
    pub(super) fn is_worth_repeating(&self) -> bool {
        match self {
            Self::NotSent | Self::Lost => true,
            Self::Nonsense { status } => {
                !status.is_client_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            Self::Said(error) => error.is_passing(),
        }
    }

    /// Whether Meta may have acted on the attempt.
    pub(super) fn leaves_doubt(&self) -> bool {
        match self {
            Self::NotSent => false,
            Self::Lost | Self::Nonsense { .. } => true,
            Self::Said(error) => !error.is_refusal(),
        }
    }

    /// How long Meta asked us to wait.
    pub(super) fn wanted_pause(&self) -> Duration {
        match self {
            Self::Said(error) => error.retry_after.unwrap_or_default(),
            Self::NotSent | Self::Lost | Self::Nonsense { .. } => Duration::ZERO,
        }
    }
}

/// Meta's error, as it stands in a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GraphError {
    pub(super) status: u16,
    pub(super) code: i64,
    pub(super) subcode: Option<i64>,
    pub(super) message: String,
    pub(super) details: Option<String>,
    pub(super) fbtrace_id: Option<String>,
    pub(super) is_transient: bool,
    pub(super) retry_after: Option<Duration>,
}

impl GraphError {
    /// Reads Meta's error; `None` when the reply is not of its form. Only `code` is required.
    pub(super) fn read(answer: &Answer) -> Option<Self> {
        let reply: Value = serde_json::from_slice(&answer.body).ok()?;
        let error = reply.get("error")?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).filter(|t| !t.is_empty()).map(clip);
        let details = match error.get("error_data") {
            Some(Value::Object(data)) => text(data.get("details")),
            other => text(other),
        };
        let header = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        Some(Self {
            status: answer.status.as_u16(),
            code: integer(error.get("code")?)?,
            subcode: error.get("error_subcode").and_then(integer),
            message: text(error.get("message")).unwrap_or_default(),
            details: details.or_else(|| text(error.get("error_user_msg"))),
            fbtrace_id: error.get("fbtrace_id").and_then(Value::as_str).and_then(trace_id),
            is_transient: error.get("is_transient").and_then(Value::as_bool).unwrap_or(false),
            retry_after: header.and_then(|secs| secs.trim().parse().ok()).map(Duration::from_secs),
        })
    }

    /// The error in the house's words.
    pub(super) fn for_people(&self) -> MetaError {
        let said = self.details.as_deref().unwrap_or(&self.message);
        let message = if said.is_empty() { "WhatsApp gave no reason" } else { said };
        MetaError { code: self.code, message: message.to_owned() }
    }

    /// Whether Meta certainly did not act.
    pub(super) fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status) && !self.says_nothing()
    }

    /// The same for a request that is sent once, where a wrong "no" would dial a user twice.
    ///
    /// 138004 and 138007 report a failure *while* the call was set up, 138019 to 138023 one after: the user's
    /// phone may ring, or its webhooks may still come. So they are unclear, whatever their HTTP status, and
    /// the call waits for a webhook to tell.
    pub(super) fn is_refusal_of_once(&self) -> bool {
        self.is_refusal() && !matches!(self.code, 138_004 | 138_007 | 138_019..=138_023)
    }

    /// Whether the same request may succeed in a moment.
    fn is_passing(&self) -> bool {
        self.status >= 500 || self.is_throttling() || self.is_transient || self.says_nothing()
    }

    /// Whether Meta has had enough of us for the moment.
    pub(super) fn is_throttling(&self) -> bool {
        self.status == 429 || matches!(self.code, 4 | 17 | 32 | 613 | 80_007 | 130_429)
    }

    /// General "something went wrong" codes: Graph sends them with a 4xx status at times, and they do not
    /// say that nothing was done.
    const fn says_nothing(&self) -> bool {
        matches!(self.code, 1 | 2 | 131_000 | 131_016)
    }

    /// Whether this answer to a repeat tells that an earlier attempt worked.
    ///
    /// Meta's code for it is not known (whatsapp-calling.md 13, 15): the general 100 is assumed, with the
    /// undocumented 138010 and 138016. So the text decides, and only after an attempt that left a doubt.
    pub(super) fn is_echo_of(&self, ask: &Ask) -> bool {
        if !matches!(self.code, 100 | 131_009 | 138_010 | 138_016) {
            return false;
        }
        let said = format!("{} {}", self.message, self.details.as_deref().unwrap_or("")).to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let over = says(&[
            "ended",
            "completed",
            "terminated",
            "hung up",
            "failed",
            "reject",
            "declin",
            "cancel",
            "expired",
            "timed out",
            "no longer",
            "not active",
        ]);
        match ask {
            Ask::Connect { .. } => false,
            Ask::PreAccept { .. } => says(&["already"]) && !over,
            // "Already in progress, completed or failed" is taken for in progress: if the call was over
            // instead, its `terminate` webhook corrects us, while a wrong "no" would cut a live call.
            Ask::Accept { .. } => {
                let in_progress = says(&["in progress", "already accepted", "already answered"]);
                let undone = says(&["terminated", "reject", "declin", "cancel"]);
                !undone && (in_progress || (says(&["already"]) && !over))
            }
            Ask::Reject { .. } | Ask::Terminate { .. } => over || says(&["already", "in progress"]),
        }
    }
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect()
}

/// Goes to the log, so only what looks like one.
fn trace_id(text: &str) -> Option<String> {
    let plausible = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+' | b'/' | b'='));
    plausible.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use offhook_core::id::Wacid;

    use super::*;

    fn read(status: u16, body: &str) -> Option<GraphError> {
        let status = StatusCode::from_u16(status).unwrap();
        GraphError::read(&Answer { status, headers: HeaderMap::new(), body: body.to_owned().into() })
    }

    #[test]
    fn every_part_of_an_error_but_its_code_may_be_missing() {
        let whole = read(401, include_str!("../../fixtures/error_138006.json")).unwrap();
        assert_eq!(whole.code, 138_006);
        assert_eq!(whole.fbtrace_id.as_deref(), Some("AbCdEfGhIjKlMnOpQrStUv"));
        assert_eq!(whole.for_people().message, "There is no approved call permission from the recipient.");

        let bare = read(400, r#"{"error":{"code":"100"}}"#).unwrap();
        assert_eq!(bare.for_people(), MetaError { code: 100, message: "WhatsApp gave no reason".to_owned() });

        let odd = r#"{"error":{"code":100,"message":"Bad","error_data":"why","error_subcode":2494010,"fbtrace_id":"a\nb"}}"#;
        let odd = read(400, odd).unwrap();
        assert_eq!((odd.subcode, odd.fbtrace_id.as_deref()), (Some(2_494_010), None));
        assert_eq!(odd.for_people().message, "why");

        for strange in ["", "<html>", "{}", r#"{"error":"no"}"#, r#"{"error":{"message":"no code"}}"#] {
            assert_eq!(read(400, strange), None, "{strange}");
        }
    }

    #[test]
    fn already_is_an_echo_only_where_it_tells_of_our_own_success() {
        let wacid = Wacid::new("wacid.x").unwrap();
        let accept = Ask::Accept {
            wacid: wacid.clone(),
            answer: offhook_core::sdp::Sdp::new("v=0"),
            again: false,
            extras: offhook_core::meta::Extras::default(),
        };
        let reject = Ask::Reject { wacid: wacid.clone() };
        let terminate = Ask::Terminate { wacid };
        let check = |ask: &Ask, code: i64, details: &str, expected: bool| {
            let body = serde_json::json!({"error": {"code": code, "message": "(#100) Invalid parameter",
                "error_data": {"details": details}}});
            let error = read(400, &body.to_string()).unwrap();
            assert_eq!(error.is_echo_of(ask), expected, "{} {code} {details}", ask.action());
        };
        check(&accept, 100, "The call was already accepted", true);
        check(&accept, 100, "Call is already in progress, completed or failed", true);
        check(&accept, 100, "The call has already ended", false);
        check(&accept, 100, "The call was already terminated by the user", false);
        check(&accept, 100, "A reject of this call is already in progress.", false);
        check(&accept, 100, "SDP is invalid", false);
        check(&accept, 138_003, "A call is already in progress with this user", false);
        check(&accept, 190, "Session already expired", false);
        check(&terminate, 100, "The call has already ended", true);
        check(&terminate, 100, "Call is not active", true);
        check(&terminate, 100, "Unknown call id", false);
        check(&reject, 100, "A reject is already in progress", true);
        check(&reject, 138_006, "already", false);
    }
}
