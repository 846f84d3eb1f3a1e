//! A number's settings at Meta (whatsapp-calling.md 4): passed on as they are, but for what we act on.

use serde_json::Value;

use offhook_core::ports::{Document, Settings};

/// Reads the answer.
pub(super) fn read(body: &[u8]) -> Option<Settings> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    reply.as_object()?;
    let calling = &reply["calling"];
    let word = |value: &Value| value.as_str().map(str::to_ascii_uppercase);
    let calling_on = match word(&calling["status"]).as_deref() {
        Some("ENABLED") => Some(true),
        Some("DISABLED") => Some(false),
        _ => None,
    };
    Some(Settings {
        calling: calling_on,
        sip: word(&calling["sip"]["status"]).as_deref() == Some("ENABLED"),
        document: Document::new(String::from_utf8(body.to_vec()).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_act_on_is_read_and_the_rest_is_kept() {
        let check = |body: &str, expected: Option<(Option<bool>, bool)>| {
            let settings = read(body.as_bytes());
            assert_eq!(settings.as_ref().map(|it| (it.calling, it.sip)), expected, "{body}");
            assert!(settings.is_none_or(|it| it.document.as_str() == body));
        };
        check(r#"{"calling":{"status":"ENABLED","new":1},"storage":{}}"#, Some((Some(true), false)));
        check(r#"{"calling":{"status":"disabled","sip":{"status":"ENABLED"}}}"#, Some((Some(false), true)));
        check(r#"{"calling":{"status":"NOT_SET"}}"#, Some((None, false)));
        check("{}", Some((None, false)));
        check("[]", None);
        check("<html>", None);
    }
}
