//! Keys by which the inbox knows a redelivery.
//!
//! A key covers what identifies a fact and what the call machine takes from it, but not the contact: a
//! redelivery may lack that. A repeated `terminate` with other times is another fact: the better informed
//! one must get through, whichever came first, and the machine joins them.

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use offhook_core::meta::{MetaEvent, MetaEventKind, PermissionReply, SettingsChange};

/// The key of an event of a call.
pub(super) fn of_call(event: &MetaEvent, stamp: &str) -> String {
    let mut parts = vec!["calls", event.number.as_str(), event.wacid.as_str(), stamp];
    let opaque = event.opaque.as_deref().unwrap_or_default();
    let told;
    match &event.kind {
        MetaEventKind::Connect { sdp } => {
            parts.extend(["connect", opaque, sdp.as_ref().map_or("", |sdp| sdp.as_str())]);
        }
        MetaEventKind::Ringing => parts.extend(["ringing", opaque]),
        MetaEventKind::Accepted => parts.extend(["accepted", opaque]),
        MetaEventKind::Rejected => parts.extend(["rejected", opaque]),
        MetaEventKind::Terminate(end) => {
            let code = end.error.as_ref().map(|error| error.code);
            told = format!("{:?} {:?} {:?} {code:?}", end.started_at, end.ended_at, end.duration_secs);
            parts.extend(["terminate", opaque, &told]);
        }
    }
    digest(&parts)
}

/// The key of a reply to a permission request.
pub(super) fn of_permission(reply: &PermissionReply, message: &str, stamp: &str) -> String {
    let granted = if reply.granted { "granted" } else { "refused" };
    digest(&["permission", reply.number.as_str(), message, stamp, granted])
}

/// The key of a change of settings; `told` is what they are since, however it was spaced.
pub(super) fn of_settings(change: &SettingsChange, stamp: &str, told: &str) -> String {
    digest(&["settings", change.number.as_str(), stamp, told])
}

/// The key of something that is only kept: its own bytes and where they stood.
pub(super) fn of_kept(place: &[&str], raw: &str) -> String {
    let mut parts = vec!["kept"];
    parts.extend(place);
    parts.push(raw);
    digest(&parts)
}

fn digest(parts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        // With its length, so that no two lists of parts run together to the same bytes.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    HEXLOWER.encode(context.finish().as_ref())
}
