//! `GET /recordings/{link}`: a recording to listen to, for whoever has its link.
//!
//! The link is the credential. A wrong one, one that is over, and one whose recording is gone answer alike.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use offhook_core::audit::Object;
use offhook_recording::ListenFault;

use crate::house::Shared;

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/recordings/{link}", get(listen))
}

async fn listen(State(house): State<Shared>, Path(link): Path<String>) -> Response {
    let Some(link) = house.ports.archive.verify(&link, house.now()) else { return gone() };
    match house.ports.archive.open(&link.tenant, &link.recording, link.what).await {
        Ok(sound) => {
            let object = Object::new("recording", sound.recording.id.as_str());
            let heard = house.audit.stranger_once(Some(link.tenant), "recording.heard", Some(object)).await;
            if let Err(fault) = heard {
                tracing::error!(recording.id = %sound.recording.id, error = %fault, "a listener is not written down");
                return unreadable();
            }
            let name = format!("attachment; filename=\"{}-{}.ogg\"", sound.recording.id, link.what);
            let headers = [
                (header::CONTENT_TYPE, "audio/ogg; codecs=opus".to_owned()),
                (header::CONTENT_DISPOSITION, name),
                (header::CACHE_CONTROL, "private, no-store".to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
                (header::REFERRER_POLICY, "no-referrer".to_owned()),
            ];
            (headers, Body::from_stream(sound.bytes)).into_response()
        }
        Err(ListenFault::NotFound | ListenFault::Gone | ListenFault::NotReady) => gone(),
        Err(fault) => {
            tracing::error!(recording.id = %link.recording, error = %fault, "a recording cannot be heard");
            unreadable()
        }
    }
}

fn unreadable() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "The recording cannot be read now. Try again in a moment.\n")
        .into_response()
}

fn gone() -> Response {
    (StatusCode::NOT_FOUND, "This link is wrong or over. Ask for another one.\n").into_response()
}
