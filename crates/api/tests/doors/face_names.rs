//! `Idempotency-Key` on the Vobiz and 360dialog faces, and what the audit log has of their deeds.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use offhook_core::call::{Fault, State};
use offhook_core::house::{KeyMode, Role};
use offhook_core::meta::MetaError;
use serde_json::{Value, json};

use crate::rig::{Answered, OFFER, Rig};

const CHANNEL: &str = "00000000-0000-0000-0000-000000000001";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    Vobiz,
    D360,
}

impl Face {
    const ALL: [Self; 2] = [Self::Vobiz, Self::D360];

    const fn placing(self) -> (&'static str, u16) {
        match self {
            Self::Vobiz => ("/api/v1/messaging/calls/whatsapp", 201),
            Self::D360 => ("/calling/calls", 200),
        }
    }

    /// Other spellings of the same path.
    const fn spellings(self) -> &'static [&'static str] {
        match self {
            Self::Vobiz => &["/v1/messaging/calls/whatsapp", "/v1/messaging/calls/whatsapp/"],
            Self::D360 => &["/calling/calls/"],
        }
    }

    /// Each name is for a user of its own: of two calls with one user at the same time one is refused.
    fn call(self, name: &str) -> Value {
        let user = format!("+4477009{:05}", name.bytes().map(u32::from).sum::<u32>());
        match self {
            Self::Vobiz => json!({ "channel_id": CHANNEL, "to": user, "sdp_offer": OFFER }),
            Self::D360 => {
                json!({ "action": "connect", "to": user, "session": { "sdp_type": "offer", "sdp": OFFER } })
            }
        }
    }

    async fn key(self, rig: &Rig) -> String {
        match self {
            Self::Vobiz => rig.key(Role::Developer, &["*"]).await,
            Self::D360 => rig.number_key(Role::Developer, KeyMode::Live).await,
        }
    }

    async fn ask(self, rig: &Rig, key: &str, path: &str, name: &str, body: &Value) -> Answered {
        let request = Request::post(path).header("content-type", "application/json");
        let request = match self {
            Self::Vobiz => request.header("x-auth-id", "MA_ABCDEFGH").header("x-auth-token", key),
            Self::D360 => request.header("d360-api-key", key),
        };
        let request = request.header("idempotency-key", name).body(Body::from(body.to_string()));
        rig.send(request.unwrap()).await
    }

    async fn place(self, rig: &Rig, key: &str, name: &str) -> Answered {
        self.ask(rig, key, self.placing().0, name, &self.call(name)).await
    }

    /// Refused in the face's own body.
    fn is_refused(self, answer: &Answered, status: u16, vobiz_code: &str) {
        let body = answer.json();
        assert_eq!(answer.status.as_u16(), status, "{self:?}: {}", answer.text);
        match self {
            Self::Vobiz => {
                assert_eq!((&body["status"], &body["error"]["code"]), (&json!("error"), &json!(vobiz_code)));
                assert_eq!(body["requestId"], answer.header("x-request-id"));
            }
            Self::D360 => {
                assert_eq!(
                    (&body["meta"]["httpCode"], &body["meta"]["success"]),
                    (&json!(status), &json!(false))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_no_second_call() {
    for face in Face::ALL {
        let rig = Rig::new().await;
        let key = face.key(&rig).await;
        let first = face.place(&rig, &key, "one").await;
        assert_eq!(first.status.as_u16(), face.placing().1, "{face:?}: {}", first.text);
        assert_eq!(first.header("idempotent-replayed"), "");
        for path in [&[face.placing().0], face.spellings()].concat() {
            let again = face.ask(&rig, &key, path, "one", &face.call("one")).await;
            assert_eq!((again.status, &again.text), (first.status, &first.text), "{face:?} {path}");
            assert_eq!(again.header("idempotent-replayed"), "true");
            assert_eq!(again.header("x-request-id"), first.header("x-request-id"), "{face:?}");
        }
        assert_eq!(rig.asker.actions(), ["connect"]);
        let placed = rig.audit.actions().into_iter().filter(|action| action == "call.placed");
        assert_eq!(placed.count(), 1, "{face:?}: {:?}", rig.audit.actions());
    }
}

#[tokio::test]
async fn refusals_are_in_the_faces_own_body() {
    for face in Face::ALL {
        let rig = Rig::new().await;
        let key = face.key(&rig).await;
        assert_eq!(face.place(&rig, &key, "one").await.status.as_u16(), face.placing().1);
        let reused = face.ask(&rig, &key, face.placing().0, "one", &face.call("two")).await;
        face.is_refused(&reused, 409, "IDEMPOTENCY_KEY_REUSED");
        let bad = if face == Face::Vobiz { 422 } else { 400 };
        for name in ["", &"k".repeat(256)] {
            face.is_refused(&face.place(&rig, &key, name).await, bad, "VALIDATION_ERROR");
        }
        let unknown = face.place(&rig, "wab_live_sk_unknown", "one").await;
        face.is_refused(&unknown, 401, "INVALID_CREDENTIALS");
        // A refusal of WhatsApp's is kept, a failure is not.
        for (name, code, kept) in [("denied", 138_006, true), ("failed", 131_000, false)] {
            rig.asker.prepare(Err(Fault::Refused(MetaError { code, message: "no".into() })));
            let first = face.place(&rig, &key, name).await;
            assert!(!first.status.is_success(), "{face:?} {name}: {}", first.text);
            let again = face.place(&rig, &key, name).await;
            // 360dialog's clients get 401 for it, which is never kept: the permission is foreseen then.
            let kept = kept && face == Face::Vobiz;
            assert_eq!(
                again.header("idempotent-replayed") == "true",
                kept,
                "{face:?} {name}: {}",
                again.text
            );
        }
    }
}

#[tokio::test]
async fn after_a_crash_the_call_is_told_of_and_not_placed_again() {
    for face in Face::ALL {
        let rig = Rig::new().await;
        let key = face.key(&rig).await;
        let first = face.place(&rig, &key, "one").await;
        rig.claims.crash();
        let again = face.place(&rig, &key, "one").await;
        assert_eq!((again.status, again.json()), (first.status, first.json()), "{face:?}");
        assert_eq!(face.place(&rig, &key, "one").await.header("idempotent-replayed"), "true");
        assert_eq!(rig.asker.actions(), ["connect"], "{face:?}");
    }
}

#[tokio::test]
async fn actions_are_carried_out_once_and_noted() {
    for face in Face::ALL {
        let rig = Rig::new().await;
        let key = face.key(&rig).await;
        rig.rings("wacid.A").await;
        rig.until(State::Queued).await;
        let reject = json!({ "call_id": "wacid.A", "action": "reject" });
        let path =
            if face == Face::Vobiz { "/api/v1/messaging/calls/whatsapp/action" } else { "/calling/calls" };
        let first = face.ask(&rig, &key, path, "one", &reject).await;
        assert_eq!(first.status, StatusCode::OK, "{face:?}: {}", first.text);
        assert_eq!(face.ask(&rig, &key, path, "one", &reject).await.text, first.text);
        assert_eq!(rig.asker.actions(), ["reject"], "{face:?}");
        assert!(rig.audit.actions().contains(&"call.reject".to_owned()), "{:?}", rig.audit.actions());
        rig.claims.crash();
        rig.clock.advance(Duration::from_secs(61));
        let after = face.ask(&rig, &key, path, "one", &reject).await;
        match face {
            Face::Vobiz => face.is_refused(&after, 409, "IDEMPOTENCY_OUTCOME_UNKNOWN"),
            // All actions share a path, so they are carried out anew: the call knows that it is over.
            Face::D360 => assert_eq!(after.status, StatusCode::BAD_REQUEST, "{}", after.text),
        }
        assert_eq!(rig.asker.actions(), ["reject"], "{face:?}");
    }
}
