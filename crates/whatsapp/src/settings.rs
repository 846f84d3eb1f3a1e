//! Documents of a number's calling settings (whatsapp-calling.md 4): making and reading the parts we act on.
//!
//! Everything else in them is handed on as it came.

use serde_json::{Value, json};

use offhook_core::ports::Document;

/// The change that switches calling.
#[must_use]
pub fn switch(on: bool) -> Document {
    let status = if on { "ENABLED" } else { "DISABLED" };
    Document::new(json!({ "calling": { "status": status } }).to_string())
}

/// What a client's change makes of calling, if anything.
#[must_use]
pub fn switched(change: &Value) -> Option<bool> {
    match change.get("calling")?.get("status")?.as_str()?.to_ascii_uppercase().as_str() {
        "ENABLED" => Some(true),
        "DISABLED" => Some(false),
        _ => None,
    }
}

/// The `calling` object of Meta's answer, without the passwords of its SIP servers.
#[must_use]
pub fn calling_without_secrets(document: &Document) -> Option<Value> {
    let mut whole: Value = serde_json::from_str(document.as_str()).ok()?;
    let mut calling = whole.get_mut("calling")?.take();
    let servers = calling.pointer_mut("/sip/servers").and_then(Value::as_array_mut);
    for server in servers.into_iter().flatten() {
        if let Some(fields) = server.as_object_mut() {
            fields.remove("sip_user_password");
        }
    }
    Some(calling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_says_what_it_does() {
        for on in [true, false] {
            let change: Value = serde_json::from_str(switch(on).as_str()).unwrap();
            assert_eq!(switched(&change), Some(on));
        }
        assert_eq!(switched(&json!({ "calling": { "call_icon_visibility": "DEFAULT" } })), None);
        assert_eq!(switched(&json!([])), None);
    }

    #[test]
    fn passwords_are_taken_out_and_nothing_else() {
        let server = json!({ "hostname": "sip.example.com", "port": 5061, "sip_user_password": "secret" });
        let document =
            json!({ "calling": { "status": "ENABLED", "new": 1, "sip": { "servers": [server] } } });
        let calling = calling_without_secrets(&Document::new(document.to_string())).unwrap();
        assert_eq!((&calling["new"], &calling["sip"]["servers"][0]["port"]), (&json!(1), &json!(5061)));
        assert!(!calling.to_string().contains("secret"));
        assert_eq!(calling_without_secrets(&Document::new("{}".to_owned())), None);
    }
}
