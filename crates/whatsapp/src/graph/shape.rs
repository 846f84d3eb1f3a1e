//! The JSON of requests and of good replies (whatsapp-calling.md 1.2 to 1.5 and 5.3).

use serde::Serialize;
use serde_json::Value;

use offhook_core::call::Ask;
use offhook_core::id::Wacid;
use offhook_core::meta::Callee;
use offhook_core::phone::Phone;
use offhook_core::ports::PermissionAsk;

const PRODUCT: &str = "whatsapp";

#[derive(Serialize)]
struct Call<'a> {
    messaging_product: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<&'a str>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_opaque_callback_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcription: Option<Value>,
}

#[derive(Serialize)]
struct Session<'a> {
    sdp_type: &'static str,
    sdp: &'a str,
}

/// The body of a request about a call.
pub(super) fn call(ask: &Ask) -> Vec<u8> {
    let blank = Call {
        messaging_product: PRODUCT,
        to: None,
        call_id: None,
        action: ask.action(),
        session: None,
        biz_opaque_callback_data: None,
        recipient: None,
        recording: None,
        transcription: None,
    };
    let body = match ask {
        Ask::Connect { to, offer, opaque, extras } => Call {
            to: to.phone().map(Phone::digits),
            recipient: match to {
                Callee::Phone(_) => None,
                Callee::UserId(id) => Some(id),
            },
            recording: object(&extras.recording),
            transcription: object(&extras.transcription),
            session: Some(Session { sdp_type: "offer", sdp: offer.as_str() }),
            biz_opaque_callback_data: Some(opaque),
            ..blank
        },
        // "answer", whatever Meta's tables print: with "offer" the call never connects (1.4).
        Ask::Accept { wacid, answer, extras, .. } => Call {
            call_id: Some(wacid.as_str()),
            session: Some(Session { sdp_type: "answer", sdp: answer.as_str() }),
            recording: object(&extras.recording),
            transcription: object(&extras.transcription),
            ..blank
        },
        Ask::PreAccept { wacid, answer } => Call {
            call_id: Some(wacid.as_str()),
            session: Some(Session { sdp_type: "answer", sdp: answer.as_str() }),
            ..blank
        },
        Ask::Reject { wacid } | Ask::Terminate { wacid } => Call { call_id: Some(wacid.as_str()), ..blank },
    };
    serde_json::to_vec(&body).expect("strings always serialize")
}

/// A client's own object (9.2, 9.3), handed on as it is.
fn object(text: &Option<String>) -> Option<Value> {
    text.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

/// The body of a permission request.
pub(super) fn permission_request(ask: &PermissionAsk) -> Vec<u8> {
    let mut interactive = serde_json::json!({
        "type": "call_permission_request",
        "action": { "name": "call_permission_request" },
    });
    if let Some(text) = &ask.body {
        interactive["body"] = serde_json::json!({ "text": text });
    }
    let body = serde_json::json!({
        "messaging_product": PRODUCT,
        "recipient_type": "individual",
        "to": ask.to.digits(),
        "type": "interactive",
        "interactive": interactive,
    });
    serde_json::to_vec(&body).expect("values always serialize")
}

/// The id in a good reply to `connect`. Unknown keys are ignored: some replies carry `success` too.
pub(super) fn placed(body: &[u8]) -> Option<Wacid> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    Wacid::new(reply.get("calls")?.get(0)?.get("id")?.as_str()?)
}

/// Whether a reply to `accept`, `reject` or `terminate` is a good one. Some pages show `success` alone.
pub(super) fn success(body: &[u8]) -> Option<()> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    (reply.get("success")? == &Value::Bool(true)).then_some(())
}

/// Whether a reply to a message is a good one.
pub(super) fn message_sent(body: &[u8]) -> Option<()> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    reply.get("messages")?.get(0)?.get("id")?.as_str().filter(|id| !id.is_empty()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use offhook_core::meta::Extras;
    use offhook_core::sdp::Sdp;

    use super::*;

    fn check(ask: &Ask, expected: &str) {
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&call(ask)).unwrap(), expected);
    }

    #[test]
    fn requests_have_metas_shapes() {
        let wacid = Wacid::new("wacid.HBgM+/A==").unwrap();
        check(
            &Ask::Connect {
                to: Phone::parse("+44 7700 900123").unwrap().into(),
                offer: Sdp::new("v=0\r\n"),
                opaque: "wac_1".to_owned(),
                extras: Extras::default(),
            },
            include_str!("../../fixtures/connect_request.json"),
        );
        check(
            &Ask::Accept {
                wacid: wacid.clone(),
                answer: Sdp::new("v=0\r\n"),
                again: false,
                extras: Extras::default(),
            },
            include_str!("../../fixtures/accept_request.json"),
        );
        check(
            &Ask::Reject { wacid: wacid.clone() },
            r#"{"messaging_product":"whatsapp","call_id":"wacid.HBgM+/A==","action":"reject"}"#,
        );
        check(
            &Ask::Terminate { wacid },
            r#"{"messaging_product":"whatsapp","call_id":"wacid.HBgM+/A==","action":"terminate"}"#,
        );
    }

    #[test]
    fn what_meta_adds_goes_along_and_a_user_without_a_number_is_called_by_id() {
        let recording = r#"{"status":"ENABLED","purpose":"training"}"#;
        let extras = Extras { recording: Some(recording.to_owned()), transcription: None };
        let recording: Value = serde_json::from_str(recording).unwrap();
        let ask = Ask::Connect {
            to: Callee::UserId("GB.13491208655302741918".to_owned()),
            offer: Sdp::new("v=0\r\n"),
            opaque: "wac_1".to_owned(),
            extras: extras.clone(),
        };
        let body: Value = serde_json::from_slice(&call(&ask)).unwrap();
        assert_eq!((&body["recipient"], &body["recording"]), (&"GB.13491208655302741918".into(), &recording));
        assert!(body.get("to").is_none() && body.get("transcription").is_none());
        let wacid = Wacid::new("wacid.HBgM+/A==").unwrap();
        let accept = Ask::Accept { wacid, answer: Sdp::new("v=0\r\n"), again: false, extras };
        let body: Value = serde_json::from_slice(&call(&accept)).unwrap();
        assert_eq!(body["recording"], recording);
    }

    #[test]
    fn permission_requests_have_metas_shape_with_and_without_text() {
        let to = Phone::parse("447700900123").unwrap();
        let mut expected: Value =
            serde_json::from_str(include_str!("../../fixtures/permission_request.json")).unwrap();
        let with =
            PermissionAsk { to: to.clone(), body: Some("May we call you about your order?".to_owned()) };
        assert_eq!(serde_json::from_slice::<Value>(&permission_request(&with)).unwrap(), expected);
        expected["interactive"].as_object_mut().unwrap().remove("body");
        let without = PermissionAsk { to, body: None };
        assert_eq!(serde_json::from_slice::<Value>(&permission_request(&without)).unwrap(), expected);
    }

    #[test]
    fn good_replies_are_read_with_unknown_keys_and_nonsense_is_not() {
        let plain = include_bytes!("../../fixtures/connect_reply.json");
        assert!(placed(plain).unwrap().as_str().starts_with("wacid.HBgM"));
        assert!(placed(br#"{"success":true,"calls":[{"id":"wacid.x","new":1}],"contacts":[]}"#).is_some());
        for nonsense in ["", "<html>", "[]", "null", "{}", r#"{"calls":[]}"#, r#"{"calls":[{"id":7}]}"#] {
            assert_eq!(placed(nonsense.as_bytes()), None, "{nonsense}");
            assert_eq!(success(nonsense.as_bytes()), None, "{nonsense}");
            assert_eq!(message_sent(nonsense.as_bytes()), None, "{nonsense}");
        }
        assert!(success(br#"{"success":true}"#).is_some());
        assert!(success(br#"{"messaging_product":"whatsapp","success":true}"#).is_some());
        assert!(success(br#"{"success":false}"#).is_none());
        assert!(message_sent(br#"{"messages":[{"id":"wamid.x"}]}"#).is_some());
    }
}
