//! How 360dialog tells an event: Meta's webhook, unchanged (provider-apis.md 4.7).

use offhook_core::event::{Event, HookEvent, KnockKind};

/// The name of an event, for our own logs: Meta's webhooks have none. None when there is nothing to pass on.
pub(crate) const fn name(event: &Event) -> Option<&'static str> {
    match event {
        Event::Knock { what: KnockKind::Permission, .. } => Some("messages"),
        Event::Knock { what: KnockKind::Settings, .. } => Some("account_settings_update"),
        Event::Knock { .. } => Some("calls"),
        Event::Hook { what: HookEvent::Tested, .. } => Some("webhook.test"),
        _ => None,
    }
}

/// A test: Meta's envelope with nothing in it.
pub(crate) const TEST: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;
