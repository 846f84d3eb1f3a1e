//! Meta's shapes as 360dialog passes them through (provider-apis.md 4.2).

use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The one product there is.
pub(super) const PRODUCT: &str = "whatsapp";

/// What to do with a call. Which fields an action needs is in the action's own words.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CallActionRequest {
    /// `whatsapp`; may be left out.
    #[schema(example = "whatsapp")]
    pub(super) messaging_product: Option<String>,
    /// `connect`, `pre_accept`, `accept`, `reject` or `terminate`.
    #[schema(example = "connect")]
    pub(super) action: Option<String>,
    /// WhatsApp's id of the call, for every action but `connect`.
    #[schema(example = "wacid.HBgM…")]
    pub(super) call_id: Option<String>,
    /// `connect`: the user's number, with or without `+`.
    #[schema(example = "447700900123")]
    pub(super) to: Option<String>,
    /// `connect`: the user's business-scoped id, where the number is not known.
    #[schema(example = "GB.13491208655302741918")]
    pub(super) recipient: Option<String>,
    /// `connect`: your offer. `pre_accept` and `accept`: your answer.
    pub(super) session: Option<Session>,
    /// Comes back with every webhook of the call; at most 512 characters.
    #[schema(example = "ticket-88")]
    pub(super) biz_opaque_callback_data: Option<String>,
    /// `connect` and `accept`: how WhatsApp itself is to record the call, as Meta documents it.
    #[schema(value_type = Option<Object>)]
    pub(super) recording: Option<Value>,
    /// The same for a transcription.
    #[schema(value_type = Option<Object>)]
    pub(super) transcription: Option<Value>,
}

/// A session description.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Session {
    /// `offer` with `connect`, else `answer`.
    #[schema(example = "offer")]
    pub(super) sdp_type: String,
    /// The description, complete with its candidates.
    pub(super) sdp: String,
}

/// What became of an action.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallActionResponse {
    #[schema(example = "whatsapp")]
    messaging_product: &'static str,
    success: bool,
    /// `connect`: the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<[PlacedCall; 1]>,
}

/// A call that was placed.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlacedCall {
    /// WhatsApp's id.
    #[schema(example = "wacid.HBgM…")]
    id: String,
}

impl CallActionResponse {
    pub(super) const fn done() -> Self {
        Self { messaging_product: PRODUCT, success: true, calls: None }
    }

    pub(super) fn placed(id: &str) -> Self {
        Self { calls: Some([PlacedCall { id: id.to_owned() }]), ..Self::done() }
    }
}

impl IntoResponse for CallActionResponse {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}
