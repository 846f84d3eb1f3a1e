//! Errors in Graph's shape. Codes and HTTP statuses are Meta's; texts are paraphrased, nobody may branch on them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::door::Reply;
use crate::call::words::Refused;
use crate::ids;

/// An error body in the making.
#[derive(Clone, Debug)]
pub(crate) struct GraphError {
    pub(crate) status: StatusCode,
    pub(crate) code: u32,
    subcode: Option<u32>,
    kind: &'static str,
    title: String,
    details: Option<String>,
    transient: bool,
}

impl GraphError {
    fn new(status: StatusCode, code: u32, title: &str) -> Self {
        let kind = "OAuthException";
        Self { status, code, subcode: None, kind, title: title.to_owned(), details: None, transient: false }
    }

    fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// 100 with what is wrong.
    pub(crate) fn parameter(details: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 100, "Invalid parameter").with_details(details)
    }

    /// 190: no or a wrong token.
    pub(crate) fn token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 190, "Invalid OAuth access token - Cannot parse access token")
    }

    /// An id nobody has, or that the token may not see: Meta does not tell which.
    pub(crate) fn no_object(id: &str) -> Self {
        let title = format!(
            "Unsupported request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or \
             does not support this operation"
        );
        let mut error = Self::new(StatusCode::BAD_REQUEST, 100, &title);
        error.subcode = Some(33);
        error.kind = "GraphMethodException";
        error
    }

    /// A path that is no Graph path.
    pub(crate) fn path() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 2500, "Unknown path components")
    }

    /// A fault that goes away.
    pub(crate) fn unknown() -> Self {
        let mut error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, 2, "Service temporarily unavailable");
        error.transient = true;
        error
    }

    /// A refused SDP; the code is a switch because two were seen.
    pub(crate) fn sdp(code: u32, details: impl Into<String>) -> Self {
        let title = if code == 138_008 { "SDP Validation error" } else { "Invalid parameter" };
        Self::new(StatusCode::BAD_REQUEST, code, title).with_details(details)
    }

    pub(crate) fn calling_disabled() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 138_000, "Calling is not enabled")
            .with_details("Calling is not enabled on this phone number.")
    }

    pub(crate) fn uncallable() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 138_001, "Receiver uncallable")
            .with_details("The receiver cannot be called.")
    }

    pub(crate) fn too_many_calls() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, 138_002, "Concurrent call limit reached")
            .with_details("The limit of simultaneous calls of this phone number is reached.")
    }

    pub(crate) fn duplicate_call() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 138_003, "Duplicate call")
            .with_details("There is already a call with this user.")
    }

    pub(crate) fn call_rate() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, 138_005, "Call rate limit reached")
            .with_details("The limit of new calls of this phone number is reached.")
    }

    pub(crate) fn no_permission() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 138_006, "No approved call permission from the recipient")
            .with_details("There is no approved call permission from the recipient.")
    }

    pub(crate) fn too_many_requests() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 138_009, "Call permission request limit reached")
            .with_details("The limit of call permission requests to this user is reached.")
    }

    pub(crate) fn connected_limit(next: Option<u64>) -> Self {
        let next = next.map_or(String::new(), |at| format!(" The next call is possible at {at}."));
        Self::new(StatusCode::BAD_REQUEST, 138_012, "Business initiated call limit reached").with_details(
            format!("The limit of connected calls to this user within 24 hours is reached.{next}"),
        )
    }

    pub(crate) fn sip_number() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_055, "Method not allowed")
            .with_details("SIP is enabled on this phone number: calls are not possible through this API.")
    }

    pub(crate) fn outside_window() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_047, "Re-engagement message").with_details(
            "Message failed to send because more than 24 hours have passed since the customer last replied.",
        )
    }

    pub(crate) fn permanent_permission() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 138_017, "Permanent call permission already exists")
            .with_details("The user has already granted a permanent call permission.")
    }

    pub(crate) fn throttled() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, 613, "Calls to this api have exceeded the rate limit.")
    }

    pub(crate) fn setup() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 138_004, "Connection error")
            .with_details("The call could not be set up.")
    }

    /// What a call says when it refuses an action. Meta publishes no codes for these; 100 is the observed default.
    pub(crate) fn refused(refused: Refused, sdp_code: u32) -> Self {
        match refused {
            Refused::Ended => Self::parameter("The call has already ended."),
            Refused::AlreadyRejected => Self::parameter("A reject of this call is already in progress."),
            Refused::AlreadyAccepted => Self::parameter("The call is already in progress."),
            Refused::SdpMismatch => Self::sdp(sdp_code, "The SDP differs from the one of pre_accept."),
            Refused::OnlyForUserCalls => {
                Self::parameter("The action is only valid for user-initiated calls.")
            }
            Refused::NotRinging => Self::parameter("The call is not ringing."),
        }
    }
}

impl From<GraphError> for Reply {
    fn from(error: GraphError) -> Self {
        let mut body = json!({
            "message": format!("(#{}) {}", error.code, error.title), "type": error.kind, "code": error.code,
            "fbtrace_id": ids::fbtrace(),
        });
        if let Some(subcode) = error.subcode {
            body["error_subcode"] = json!(subcode);
        }
        if let Some(details) = &error.details {
            body["error_data"] = json!({"messaging_product": "whatsapp", "details": details});
        }
        if error.transient {
            body["is_transient"] = Value::Bool(true);
        }
        Self { status: error.status, body: json!({"error": body}), acted: false, call: None }
    }
}
