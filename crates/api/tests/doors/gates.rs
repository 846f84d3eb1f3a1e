//! What stands between a wish to call and WhatsApp: each gate in its order, in each face's own words.

use std::collections::BTreeSet;

use axum::http::Method;
use offhook_core::dialling::DialPolicy;
use offhook_core::house::{BusinessNumber, KeyMode, Role};
use offhook_core::permission::Told;
use offhook_core::phone::Country;
use serde_json::json;

use crate::rig::{Answered, META_ID, OFFER, Rig, USER, number, tenant};

const PERMITTED: &str = "+447700900124";
const ANOTHER: &str = "+447700900125";
const DENIED: &str = "+447700900900";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    Orbit,
    Vobiz,
    D360,
}

/// The company's numbers.
struct Numbers {
    fit: BusinessNumber,
    /// Calling is off.
    off: BusinessNumber,
    /// And its country is blocked.
    blocked: BusinessNumber,
    /// And its token is gone.
    tokenless: BusinessNumber,
}

impl Numbers {
    fn of(rig: &Rig) -> Self {
        let other = |n: u8, meta_id: &str, phone: &str| {
            let mut other = number(n, tenant(1), meta_id, phone);
            other.calling.enabled = false;
            rig.memory.with_number(other.clone());
            other
        };
        let numbers = Self {
            fit: number(1, tenant(1), META_ID, "+15550100200"),
            off: other(3, "306540352242922", "+33140000000"),
            blocked: other(4, "406540352242922", "+351210000001"),
            tokenless: other(5, "506540352242922", "+351210000002"),
        };
        rig.memory.lose_token(&numbers.tokenless.id);
        numbers
    }
}

impl Face {
    const ALL: [Self; 3] = [Self::Orbit, Self::Vobiz, Self::D360];

    /// Asks for a call from a number, or from one that nobody has.
    async fn place(self, rig: &Rig, from: Option<&BusinessNumber>, to: &str) -> Answered {
        let key = match (self, from) {
            (Self::Orbit | Self::Vobiz, _) => rig.key(Role::Owner, &["*"]).await,
            (Self::D360, Some(from)) => {
                rig.key_for(from.id.clone(), tenant(1), Role::Owner, &["*"], KeyMode::Live).await
            }
            (Self::D360, None) => "nobody".to_owned(),
        };
        let (path, headers, body) = match self {
            Self::Orbit => (
                "/api/v1/whatsapp/calling/calls",
                vec![("x-api-key", key.as_str())],
                json!({
                    "to": to, "sdp_offer": OFFER,
                    "from_phone_number_id": from.map_or("1", |from| from.meta_id.as_str()),
                }),
            ),
            Self::Vobiz => (
                "/api/v1/messaging/calls/whatsapp",
                vec![("x-auth-id", "MA_ABCDEFGH"), ("x-auth-token", key.as_str())],
                json!({
                    "to": to, "sdp_offer": OFFER,
                    "channel_id": from.map_or(uuid::Uuid::from_u128(77), |from| from.id.uuid()),
                }),
            ),
            Self::D360 => (
                "/calling/calls",
                vec![("d360-api-key", key.as_str())],
                json!({ "action": "connect", "to": to, "session": { "sdp_type": "offer", "sdp": OFFER } }),
            ),
        };
        rig.ask(Method::POST, path, &headers, Some(&body)).await
    }

    /// Status and code of a refusal; Meta's codes for 360dialog's clients.
    fn told(self, answer: &Answered) -> (u16, String) {
        let code = match self {
            Self::Orbit | Self::Vobiz => answer.code(),
            Self::D360 => answer.json()["error"]["code"].to_string(),
        };
        (answer.status.as_u16(), code)
    }

    async fn is_refused(
        self,
        rig: &Rig,
        from: Option<&BusinessNumber>,
        to: &str,
        expected: [(u16, &str); 3],
    ) {
        let answer = self.place(rig, from, to).await;
        let (status, code) = expected[self as usize];
        assert_eq!(self.told(&answer), (status, code.to_owned()), "{self:?}: {}", answer.text);
    }
}

fn policy() -> DialPolicy {
    DialPolicy {
        blocked_countries: BTreeSet::from([Country::parse("PT").unwrap()]),
        denied_prefixes: vec![DENIED[1..].to_owned()],
        at_once: 1,
        ..DialPolicy::default()
    }
}

/// Each request is refused for everything from its gate on: the first gate answers.
#[tokio::test]
async fn gates_answer_in_their_documented_order() {
    for face in Face::ALL {
        let rig = Rig::of_policy(policy()).await;
        let numbers = Numbers::of(&rig);
        let refused = async |from: Option<&BusinessNumber>, to: &str, expected: [(u16, &str); 3]| {
            face.is_refused(&rig, from, to, expected).await;
        };
        let of = |number| Some(number);
        if face != Face::D360 {
            let emergency = (422, "EMERGENCY_CALLING_NOT_SUPPORTED");
            refused(None, "112", [emergency, emergency, (0, "")]).await;
            let absent =
                [(404, "WHATSAPP_CALLING_CONNECTION_NOT_FOUND"), (404, "CHANNEL_NOT_FOUND"), (0, "")];
            refused(None, DENIED, absent).await;
        }
        let emergency = (422, "EMERGENCY_CALLING_NOT_SUPPORTED");
        refused(of(&numbers.tokenless), "911", [emergency, emergency, (400, "100")]).await;
        let token = [(422, "WHATSAPP_CALLING_TOKEN_INVALID"), (422, "CHANNEL_TOKEN_INVALID"), (401, "190")];
        refused(of(&numbers.tokenless), DENIED, token).await;
        let country = [(422, "WHATSAPP_CALLING_COUNTRY_BLOCKED"), (422, "COUNTRY_BLOCKED"), (400, "138013")];
        refused(of(&numbers.blocked), DENIED, country).await;
        let recipient = [
            (422, "WHATSAPP_CALLING_RECIPIENT_NOT_ALLOWED"),
            (422, "RECIPIENT_NOT_ALLOWED"),
            (400, "138001"),
        ];
        refused(of(&numbers.off), DENIED, recipient).await;
        let off = [(422, "WHATSAPP_CALLING_NOT_ENABLED"), (422, "CALLING_NOT_ENABLED"), (401, "138000")];
        refused(of(&numbers.off), USER, off).await;
        assert!(rig.asker.looked_up().is_empty(), "nobody's permission was asked for");
        assert!(rig.memory.calls().is_empty(), "no call was begun");

        rig.asker.permits(Told::Always, true);
        let placed = face.place(&rig, Some(&numbers.fit), PERMITTED).await;
        assert!(placed.status.is_success(), "{face:?}: {}", placed.text);

        // From here on there is a call with one of them, and the company has no room for another.
        rig.asker.permits(Told::Nothing, false);
        let denied =
            [(422, "WHATSAPP_CALLING_NO_PERMISSION"), (422, "CALL_PERMISSION_REQUIRED"), (401, "138006")];
        refused(of(&numbers.fit), USER, denied).await;
        rig.asker.permits(Told::Always, false);
        let spent = [(429, "WHATSAPP_CALLING_LIMIT_REACHED"), (429, "CALL_LIMIT_REACHED"), (400, "138012")];
        refused(of(&numbers.fit), rig.stranger().reveal().as_str(), spent).await;
        rig.asker.permits(Told::Always, true);
        let twice = [(409, "WHATSAPP_CALLING_DUPLICATE_CALL"), (409, "CALL_STATE_CONFLICT"), (400, "138003")];
        refused(of(&numbers.fit), PERMITTED, twice).await;
        let full = [(429, "WHATSAPP_CALLING_LIMIT_REACHED"), (429, "CALL_LIMIT_REACHED"), (429, "138002")];
        refused(of(&numbers.fit), ANOTHER, full).await;
        assert_eq!(rig.asker.actions(), ["connect"], "{face:?}");
    }
}

#[tokio::test]
async fn the_companys_pace_is_kept_before_its_number_is_looked_at() {
    for face in Face::ALL {
        let rig = Rig::of_policy(DialPolicy { per_window: 0, ..policy() }).await;
        let numbers = Numbers::of(&rig);
        let answer = face.place(&rig, Some(&numbers.tokenless), USER).await;
        assert_eq!(answer.status.as_u16(), 429, "{face:?}: {}", answer.text);
        assert_eq!(answer.header("retry-after"), "60", "{face:?}");
    }
}

#[tokio::test]
async fn who_dials_an_emergency_number_is_noted_without_it() {
    for face in Face::ALL {
        let rig = Rig::new().await;
        let numbers = Numbers::of(&rig);
        face.place(&rig, Some(&numbers.fit), "911").await;
        assert_eq!(rig.audit.actions(), ["call.emergency_refused"], "{face:?}");
        let deed = rig.audit.deeds().remove(0);
        assert_eq!((deed.object, deed.before), (None, None), "{face:?}");
        assert_eq!(deed.after.as_deref(), Some(r#"{"to":"****"}"#), "{face:?}");
    }
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    ann.command(json!({ "type": "call.place", "to": "112", "sdp": OFFER })).await;
    assert_eq!(rig.audit.actions(), ["call.emergency_refused"]);
}
