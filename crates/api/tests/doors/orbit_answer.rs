//! Relayed calls that a program answers over REST with an SDP of its own.

use axum::http::{Method, StatusCode};
use offhook_core::call::{Ask, Fault, State};
use offhook_core::house::Role;
use offhook_core::meta::MetaError;
use serde_json::{Value, json};

use crate::rig::{ANSWER, Answered, META_OFFER, OTHER_ANSWER, Rig};

const CALLS: &str = "/api/v1/whatsapp/calling/calls";

/// A relayed call that rings for nobody, and a key.
async fn ringing() -> (Rig, String, String) {
    let rig = Rig::new().await;
    let key = rig.key(Role::Developer, &["calls:*"]).await;
    rig.rings("wacid.A").await;
    let id = rig.until(State::Queued).await.id.to_string();
    (rig, key, id)
}

impl Rig {
    async fn act(&self, key: &str, id: &str, action: &str, body: Value) -> Answered {
        self.post(&format!("{CALLS}/{id}/{action}"), key, &body).await
    }
}

#[tokio::test]
async fn program_answers_with_its_own_sdp_and_hears_when_it_may_speak() {
    let (rig, key, id) = ringing().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    ann.event("call.incoming").await;
    let call = rig.get(&format!("{CALLS}/{id}"), &key).await.json()["data"].clone();
    assert_eq!(call["sdp_offer"], META_OFFER, "the offer to answer");
    let accepted = rig.act(&key, &id, "accept", json!({ "sdp_answer": ANSWER })).await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.text);
    let call = accepted.json()["data"].clone();
    assert_eq!((&call["status"], &call["agent_id"]), (&json!("in_progress"), &Value::Null));
    let silenced = ann.event("call.silenced").await;
    assert_eq!(silenced["reason"], "answered_elsewhere");
    let Ask::Accept { answer, .. } = &rig.asker.asked()[0] else { panic!("an accept") };
    assert_eq!(answer.as_str(), ANSWER);
    // A client that did not hear the answer asks again.
    for body in [json!({ "sdp": ANSWER }), json!({})] {
        assert_eq!(rig.act(&key, &id, "accept", body).await.status, StatusCode::OK);
    }
    assert_eq!(rig.asker.actions(), ["accept"]);
    let other = rig.act(&key, &id, "accept", json!({ "sdp": OTHER_ANSWER })).await;
    assert_eq!((other.status, other.code().as_str()), (StatusCode::CONFLICT, "CALL_STATE_CONFLICT"));
    assert_eq!(other.json()["error"]["details"]["reason"], "answer_differs");
    assert_eq!(rig.act(&key, &id, "terminate", json!({})).await.status, StatusCode::OK);
    assert_eq!(rig.asker.actions(), ["accept", "terminate"]);
}

#[tokio::test]
async fn answer_sent_ahead_needs_no_second_one() {
    let (rig, key, id) = ringing().await;
    let ahead = rig.act(&key, &id, "pre_accept", json!({ "sdp": ANSWER })).await;
    assert_eq!((ahead.status, &ahead.json()["data"]["status"]), (StatusCode::OK, &json!("ringing")));
    let other = rig.act(&key, &id, "accept", json!({ "sdp": OTHER_ANSWER })).await;
    assert_eq!(other.json()["error"]["details"]["reason"], "answer_differs");
    let accepted = rig.act(&key, &id, "accept", json!({})).await;
    assert_eq!(accepted.json()["data"]["status"], "in_progress", "{}", accepted.text);
    assert_eq!(rig.asker.actions(), ["pre_accept", "accept"]);
    let same = rig.asker.asked().iter().all(|ask| match ask {
        Ask::PreAccept { answer, .. } | Ask::Accept { answer, .. } => answer.as_str() == ANSWER,
        _ => false,
    });
    assert!(same, "the same bytes both times");
}

#[tokio::test]
async fn what_whatsapp_refuses_is_the_clients_answer() {
    let (rig, key, id) = ringing().await;
    let refused = || Err(Fault::Refused(MetaError { code: 100, message: "no".into() }));
    for action in ["pre_accept", "accept"] {
        rig.asker.prepare(refused());
        let answer = rig.act(&key, &id, action, json!({ "sdp": ANSWER })).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
        assert_eq!(answer.code(), "WHATSAPP_CALLING_INVALID_SDP");
    }
    let late = rig.act(&key, &id, "accept", json!({ "sdp": ANSWER })).await;
    assert_eq!((late.status, late.code().as_str()), (StatusCode::CONFLICT, "CALL_STATE_CONFLICT"));
}

#[tokio::test]
async fn unfit_answers_are_named_before_whatsapp_hears_of_them() {
    let (rig, key, id) = ringing().await;
    for (body, code, field) in [
        (json!({}), "MISSING_REQUIRED_FIELD", "sdp_answer"),
        (json!({ "sdp_answer": 1 }), "VALIDATION_ERROR", "sdp_answer"),
        (json!({ "sdp": META_OFFER }), "WHATSAPP_CALLING_INVALID_SDP", "sdp"),
    ] {
        for action in ["pre_accept", "accept"] {
            let answer = rig.act(&key, &id, action, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, code), "{}", answer.text);
            assert_eq!(answer.json()["error"]["details"]["field"], field);
        }
    }
    let ann = rig.sign_in("ann@example.com").await;
    let path = format!("{CALLS}/{id}/accept");
    let page = rig.page(Method::POST, &path, &ann, &json!({ "sdp": ANSWER })).await;
    assert_eq!(page.json()["error"]["details"]["reason"], "not_ringing", "Ann is not here");
    assert!(rig.asker.actions().is_empty());
}

#[tokio::test]
async fn pre_accepted_call_is_rejected_by_ending_it() {
    let (rig, key, id) = ringing().await;
    rig.act(&key, &id, "pre_accept", json!({ "sdp": ANSWER })).await;
    assert_eq!(rig.act(&key, &id, "reject", json!({})).await.status, StatusCode::OK);
    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    let call = rig.until(State::Rejected).await;
    assert_eq!(call.end_reason.map(|reason| reason.as_str()), Some("agent_rejected"));
    assert_eq!(rig.asker.actions(), ["pre_accept", "terminate"]);
}
