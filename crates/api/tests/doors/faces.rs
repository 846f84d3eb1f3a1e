//! One scenario through all three faces: the same events, the same records, and no path that is another face's.

use axum::http::{Method, StatusCode};
use offhook_core::call::{CallRecord, Reply, State};
use offhook_core::event::Logged;
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::Wacid;
use serde_json::{Value, json};

use crate::rig::{ANSWER, Answered, META_ID, OFFER, Rig, USER, eventually, tenant};

const CHANNEL: &str = "00000000-0000-0000-0000-000000000001";

#[derive(Debug, Clone, Copy)]
enum Face {
    Orbit,
    Vobiz,
    D360,
}

/// A house, and a client of one of its faces.
struct Client {
    rig: Rig,
    face: Face,
    key: String,
}

impl Client {
    async fn of(face: Face) -> Self {
        let rig = Rig::new().await;
        let key = match face {
            Face::Orbit | Face::Vobiz => rig.key(Role::Developer, &["*"]).await,
            Face::D360 => rig.number_key(Role::Developer, KeyMode::Live).await,
        };
        Self { rig, face, key }
    }

    async fn post(&self, path: &str, body: Value) -> Answered {
        let key = self.key.as_str();
        let headers = match self.face {
            Face::Orbit => vec![("X-API-Key", key)],
            Face::Vobiz => vec![("X-Auth-ID", "MA_ABCDEFGH"), ("X-Auth-Token", key)],
            Face::D360 => vec![("D360-API-KEY", key)],
        };
        let answer = self.rig.ask(Method::POST, path, &headers, Some(&body)).await;
        assert!(answer.status.is_success(), "{:?} {path}: {}", self.face, answer.text);
        answer
    }

    async fn place(&self) {
        let opaque = "ticket-88";
        let (path, body) = match self.face {
            Face::Orbit => (
                "/api/v1/whatsapp/calling/calls",
                json!({
                    "to": USER, "from_phone_number_id": META_ID, "sdp_offer": OFFER,
                    "biz_opaque_callback_data": opaque,
                }),
            ),
            Face::Vobiz => (
                "/api/v1/messaging/calls/whatsapp",
                json!({
                    "to": USER, "channel_id": CHANNEL, "sdp_offer": OFFER, "biz_opaque_callback_data": opaque,
                }),
            ),
            Face::D360 => (
                "/calling/calls",
                json!({
                    "action": "connect", "to": USER, "session": { "sdp_type": "offer", "sdp": OFFER },
                    "biz_opaque_callback_data": opaque,
                }),
            ),
        };
        self.post(path, body).await;
    }

    async fn act(&self, wacid: &str, action: &str, sdp: Option<&str>) {
        let (path, body) = match self.face {
            Face::Orbit => {
                (format!("/api/v1/whatsapp/calling/calls/{wacid}/{action}"), json!({ "sdp_answer": sdp }))
            }
            Face::Vobiz => (
                "/v1/messaging/calls/whatsapp/action".to_owned(),
                json!({ "channel_id": CHANNEL, "call_id": wacid, "action": action, "sdp": sdp }),
            ),
            Face::D360 => {
                let session = sdp.map(|sdp| json!({ "sdp_type": "answer", "sdp": sdp }));
                let body = json!({ "call_id": wacid, "action": action, "session": session });
                ("/calling/calls".to_owned(), body)
            }
        };
        self.post(&path, body).await;
    }

    /// The state of the nth call, awaited.
    async fn until(&self, nth: usize, state: State) {
        let there = || self.rig.memory.calls().get(nth).filter(|call| call.state == state).map(drop);
        eventually(there, &format!("call {nth} in state {state:?}")).await;
    }
}

/// A placed call that is answered, an inbound one that is pre-accepted and accepted, and one that is rejected.
async fn play(face: Face) -> (Vec<Logged>, Vec<CallRecord>) {
    let client = Client::of(face).await;
    let rig = &client.rig;
    let address = rig.serve().await;
    let _ann = rig.agent(address, 1).await;

    rig.asker.prepare(Ok(Reply::Placed(Wacid::new("wacid.P").unwrap())));
    client.place().await;
    rig.remote_answer("wacid.P").await;
    rig.status("wacid.P", "RINGING").await;
    client.until(0, State::Ringing).await;
    rig.status("wacid.P", "ACCEPTED").await;
    client.until(0, State::Connected).await;
    client.act("wacid.P", "terminate", None).await;
    rig.terminates("wacid.P", "BUSINESS_INITIATED", Some(5)).await;
    client.until(0, State::Completed).await;

    rig.rings("wacid.A").await;
    client.until(1, State::Ringing).await;
    client.act("wacid.A", "pre_accept", Some(ANSWER)).await;
    client.act("wacid.A", "accept", Some(ANSWER)).await;
    client.until(1, State::Connected).await;
    rig.terminates("wacid.A", "USER_INITIATED", Some(7)).await;
    client.until(1, State::Completed).await;

    rig.rings("wacid.R").await;
    client.until(2, State::Ringing).await;
    client.act("wacid.R", "reject", None).await;
    rig.terminates("wacid.R", "USER_INITIATED", None).await;
    client.until(2, State::Rejected).await;
    assert_eq!(rig.asker.actions(), ["connect", "terminate", "pre_accept", "accept", "reject"]);
    (rig.memory.log(&tenant(1)), rig.memory.calls())
}

#[tokio::test]
async fn one_scenario_gives_the_same_events_and_records_through_every_face() {
    let (events, records) = play(Face::Orbit).await;
    assert!(events.len() > 12, "{events:?}");
    assert_eq!(records.len(), 3);
    for face in [Face::Vobiz, Face::D360] {
        let (other_events, other_records) = play(face).await;
        assert_eq!(other_records, records, "{face:?}");
        assert_eq!(other_events, events, "{face:?}");
    }
}

#[tokio::test]
async fn credential_of_another_face_gets_the_paths_own_refusal() {
    let rig = Rig::new().await;
    let (key, number_key) =
        (rig.key(Role::Owner, &["*"]).await, rig.number_key(Role::Owner, KeyMode::Live).await);
    let orbit = [("X-API-Key", key.as_str())];
    let vobiz = [("X-Auth-ID", "MA_ABCDEFGH"), ("X-Auth-Token", key.as_str())];
    let d360 = [("D360-API-KEY", number_key.as_str())];
    let check = async |path: &str, headers: &[(&str, &str)], is_own: fn(&Value) -> bool| {
        let answer = rig.ask(Method::POST, path, headers, Some(&json!({}))).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {headers:?}");
        assert!(is_own(&answer.json()), "{path} {headers:?}: {}", answer.text);
    };
    for headers in [&vobiz[..], &d360] {
        check("/api/v1/whatsapp/calling/calls", headers, |body| {
            body["error"]["code"] == "UNAUTHORIZED" && body["meta"]["docs_url"].is_string()
        })
        .await;
    }
    for headers in [&orbit[..], &d360] {
        check("/api/v1/messaging/calls/whatsapp", headers, |body| {
            body["error"]["code"] == "INVALID_CREDENTIALS" && body["status"] == "error"
        })
        .await;
    }
    for headers in [&orbit[..], &vobiz] {
        check("/calling/calls", headers, |body| {
            body["meta"]["httpCode"] == 401 && body["meta"]["success"] == false
        })
        .await;
    }
}
