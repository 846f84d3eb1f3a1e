//! JSON in Meta's bytes: everything outside ASCII as `\uXXXX`, and `/` as `\/`.
//!
//! A receiver that checks the signature over re-serialised JSON instead of the raw body fails on these.

use serde_json::Value;

/// The bytes Meta would send for this value.
pub(crate) fn meta_bytes(value: &Value) -> Vec<u8> {
    let plain = value.to_string();
    let mut text = String::with_capacity(plain.len() + 64);
    for character in plain.chars() {
        match character {
            // A slash can only stand inside a string, so escaping it everywhere is safe.
            '/' => text.push_str("\\/"),
            ascii if ascii.is_ascii() => text.push(ascii),
            other => {
                let mut units = [0_u16; 2];
                for unit in other.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_slashes_are_escaped_as_meta_does() {
        let bytes = meta_bytes(&json!({"name": "René 😀", "sdp": "SAVPF/\"\r\n"}));
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.is_ascii());
        assert!(text.contains(r#""Ren\u00e9 \ud83d\ude00""#), "{text}");
        assert!(text.contains(r#""SAVPF\/\"\r\n""#), "{text}");
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap()["name"], "René 😀");
    }
}
