//! Changes of a number's settings (whatsapp-calling.md 3.10).

use serde_json::Value;
use serde_json::value::RawValue;

use offhook_core::id::MetaNumberId;
use offhook_core::meta::SettingsChange;
use offhook_core::time::Time;

use super::key;
use super::pick::{fields, text, time};

/// Meta's name of the field.
pub(super) const FIELD: &str = "account_settings_update";

/// Reads the change, if it is of a number.
pub(super) fn change(value: &RawValue, received_at: Time) -> Option<(SettingsChange, String)> {
    let [stamp, settings] = fields(value, &["timestamp", "phone_number_settings"])?;
    let [number, calling] = fields(settings?, &["phone_number_id", "calling"])?;
    let status = calling.and_then(|calling| fields(calling, &["status"])).and_then(|[status]| text(status));
    let calling = match status.unwrap_or_default().to_ascii_uppercase().as_str() {
        "ENABLED" => Some(true),
        "DISABLED" => Some(false),
        _ => None,
    };
    let number = MetaNumberId::parse(&text(number)?)?;
    let change = SettingsChange { number, at: time(stamp).unwrap_or(received_at), calling };
    let told: Value = serde_json::from_str(settings?.get()).ok()?;
    let key = key::of_settings(&change, stamp.map_or("", RawValue::get), &told.to_string());
    Some((change, key))
}

#[cfg(test)]
mod tests {
    use offhook_core::ports::News;

    use super::*;
    use crate::webhook::read;

    fn check(value: serde_json::Value, expected: Option<SettingsChange>) {
        let body = serde_json::json!({
            "object": "whatsapp_business_account",
            "entry": [{ "id": "102290129340398", "changes": [{ "field": FIELD, "value": value }] }],
        });
        let knocks = read(body.to_string().as_bytes(), Time::from_secs(1_790_960_005)).unwrap();
        let [knock] = &knocks[..] else { panic!("{knocks:?}") };
        match (&knock.news, expected) {
            (News::Settings(change), Some(expected)) => assert_eq!(*change, expected),
            (News::Kept { .. }, None) => {}
            (news, expected) => panic!("{news:?} is not {expected:?}"),
        }
    }

    #[test]
    fn a_numbers_settings_are_read_whatever_the_case_of_metas_words() {
        let number = MetaNumberId::parse("106540352242922").unwrap();
        let change =
            |at, calling| Some(SettingsChange { number: number.clone(), at: Time::from_secs(at), calling });
        let told = |kind: &str, status: &str| {
            serde_json::json!({
                "messaging_product": "whatsapp", "timestamp": "1790960000", "type": kind,
                "phone_number_settings": {
                    "phone_number_id": "106540352242922",
                    "calling": { "status": status, "call_icon_visibility": "DEFAULT" },
                },
            })
        };
        check(told("phone_number_settings", "ENABLED"), change(1_790_960_000, Some(true)));
        check(told("PHONE_NUMBER_SETTINGS", "disabled"), change(1_790_960_000, Some(false)));
        let mut other = told("phone_number_settings", "");
        other["timestamp"] = serde_json::Value::Null;
        check(other, change(1_790_960_005, None));
        check(serde_json::json!({ "type": "business_settings" }), None);
    }
}
