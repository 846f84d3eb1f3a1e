//! One stored element as a webhook of its own again, for those who want Meta's words.

use serde_json::value::RawValue;

use super::pick::fields;
use super::settings;

/// The element as Meta would have sent it alone: its own bytes in Meta's envelope. `account` is the WhatsApp
/// Business Account it came for.
///
/// None when what is stored is no element.
#[must_use]
pub fn whole(stored: &str, account: &str) -> Option<String> {
    let raw: &RawValue = serde_json::from_str(stored).ok()?;
    let [field, value] = fields(raw, &["field", "value"])?;
    let (field, value) = (field?, value?);
    let account = serde_json::to_string(account).ok()?;
    let [product] = fields(value, &["messaging_product"])?;
    // Elements of a batch are stored without what stood once above all of them.
    let value = match product {
        Some(_) => value.get().to_owned(),
        // Those of accounts come one by one, and have nothing above them.
        None if field.get().contains(settings::FIELD) => value.get().to_owned(),
        None => {
            let rest = value.get().trim_start().strip_prefix('{')?.trim_start();
            let comma = if rest.starts_with('}') { "" } else { "," };
            format!(r#"{{"messaging_product":"whatsapp"{comma}{rest}"#)
        }
    };
    Some(format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":{account},"changes":[{{"field":{field},"value":{value}}}]}}]}}"#
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::webhook::read;
    use offhook_core::time::Time;

    const CHANGE: &str = r#"{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100200",
        "phone_number_id":"106540352242922"},"calls":[{"id":"wacid.A","to":"15550100200","from":"447700900123",
        "event":"connect","timestamp":"1762216151","direction":"USER_INITIATED","new":"\u00e9"}]},"field":"calls"}"#;

    fn webhook(change: &str) -> String {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"102290129340398","changes":[{change}]}}]}}"#
        )
    }

    #[test]
    fn a_webhook_with_one_element_comes_out_as_it_went_in() {
        let sent = webhook(CHANGE);
        let knocks = read(sent.as_bytes(), Time::from_secs(0)).unwrap();
        let back = whole(&knocks[0].raw, "102290129340398").unwrap();
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(parse(&back), parse(&sent));
        assert!(back.contains(r#""new":"\u00e9""#), "in Meta's own bytes");
    }

    #[test]
    fn settings_come_out_without_anything_beside_them() {
        let sent = webhook(
            r#"{"field":"account_settings_update","value":{"timestamp":"1790960000","type":"phone_number_settings",
            "phone_number_settings":{"phone_number_id":"106540352242922","calling":{"status":"ENABLED"}}}}"#,
        );
        let knocks = read(sent.as_bytes(), Time::from_secs(0)).unwrap();
        let back = whole(&knocks[0].raw, "102290129340398").unwrap();
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(parse(&back), parse(&sent));
    }

    #[test]
    fn elements_of_a_batch_come_out_alone_and_complete() {
        let element = |id: &str| {
            format!(
                r#"{{"id":"{id}","from":"447700900123","to":"15550100200","event":"terminate","timestamp":"1762216151","direction":"USER_INITIATED","status":"COMPLETED"}}"#
            )
        };
        let batch = CHANGE.replace(r#""calls":["#, &format!(r#""calls":[{},"#, element("wacid.B")));
        let knocks = read(webhook(&batch).as_bytes(), Time::from_secs(0)).unwrap();
        assert_eq!(knocks.len(), 2);
        for (knock, id) in knocks.iter().zip(["wacid.B", "wacid.A"]) {
            let back: Value = serde_json::from_str(&whole(&knock.raw, "1").unwrap()).unwrap();
            let value = &back["entry"][0]["changes"][0]["value"];
            assert_eq!(value["messaging_product"], "whatsapp");
            assert_eq!(value["metadata"]["phone_number_id"], "106540352242922");
            assert_eq!((value["calls"].as_array().unwrap().len(), &value["calls"][0]["id"]), (1, &id.into()));
        }
    }

    #[test]
    fn what_is_no_element_stays_where_it_is() {
        for stored in ["", "{}", "[]", "not json", r#"{"field":"calls"}"#, r#"{"field":"calls","value":7}"#] {
            assert_eq!(whole(stored, "1"), None, "{stored}");
        }
    }

    proptest::proptest! {
        /// What comes out is JSON whatever was stored.
        #[test]
        fn whatever_was_stored_comes_out_as_json_or_not_at_all(stored in ".{0,80}", value in "\\{[ -~]{0,60}\\}") {
            for stored in [stored, format!(r#"{{"field":"calls","value":{value}}}"#)] {
                if let Some(back) = whole(&stored, "1\"2") {
                    let back = serde_json::from_str::<Value>(&back).unwrap();
                    proptest::prop_assert_eq!(&back["object"], "whatsapp_business_account");
                }
            }
        }
    }
}
