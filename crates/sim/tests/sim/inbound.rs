//! Users call the business.

use offhook_sim::{Knobs, PlaceCall};
use serde_json::json;

use crate::support::{BizPeer, House, Plan};

struct Ringing {
    house: House,
    wacid: String,
    offer: String,
}

async fn call(house: House, call: PlaceCall) -> Ringing {
    let wacid = house.control.place_call(call).await.unwrap().wacid;
    let connect = house.inbox.wait("connect").await;
    assert_eq!(connect.call()["id"], wacid.as_str());
    assert_eq!(connect.call()["direction"], "USER_INITIATED");
    assert_eq!(connect.call()["session"]["sdp_type"], "offer");
    let offer = connect.call()["session"]["sdp"].as_str().unwrap().to_owned();
    Ringing { house, wacid, offer }
}

#[tokio::test]
async fn caller_is_heard_and_hears_after_pre_accept_and_accept() {
    let ringing = call(House::new().await, PlaceCall::from("+447700900002")).await;
    let house = &ringing.house;
    let mut peer = BizPeer::new(&house.tasks, Plan::Quiet).await;
    let answer = peer.answer(&ringing.offer);
    assert_eq!(house.act(&ringing.wacid, "pre_accept", Some(&answer)).await.0, 200);
    peer.connected().await;
    let (status, body) = house.act(&ringing.wacid, "accept", Some(&answer)).await;
    assert_eq!((status, &body["success"]), (200, &json!(true)));
    peer.say(350.0).await;
    peer.hears(440.0).await;
    house.phone_hears(350.0).await;
    house.control.hang_up(&ringing.wacid).await.unwrap();
    let terminate = house.inbox.wait("terminate").await;
    assert!(terminate.call()["duration"].is_u64());
    assert!(house.control.call(&ringing.wacid).unwrap().reason() == Some("hung_up_by_user"));
    assert_eq!(house.inbox.labels(), ["connect", "terminate"], "user-initiated calls have no statuses");
}

#[tokio::test]
async fn caller_presses_keys_and_says_what_it_was_asked_to() {
    let place =
        PlaceCall { hz: Some(620.0), keys: Some("42".to_owned()), ..PlaceCall::from("+447700900123") };
    let ringing = call(House::new().await, place).await;
    let mut peer = BizPeer::new(&ringing.house.tasks, Plan::Tone(300.0)).await;
    let answer = peer.answer(&ringing.offer);
    ringing.house.act(&ringing.wacid, "accept", Some(&answer)).await;
    peer.until("keys", |ears| ears.keys == "42").await;
    peer.hears(620.0).await;
}

#[tokio::test]
async fn sound_before_accept_is_a_finding_and_starts_the_callers_timer() {
    let ringing = call(House::new().await, PlaceCall::from("+447700900001")).await;
    let house = &ringing.house;
    let mut peer = BizPeer::new(&house.tasks, Plan::Tone(300.0)).await;
    let answer = peer.answer(&ringing.offer);
    house.act(&ringing.wacid, "pre_accept", Some(&answer)).await;
    house.event(0, "call.finding", |event| event.data["finding"] == "rtp_before_accept").await;
    let call = serde_json::to_value(house.control.call(&ringing.wacid).unwrap()).unwrap();
    assert_eq!(call["findings"], json!(["rtp_before_accept"]));
}

#[tokio::test]
async fn another_sdp_in_accept_than_in_pre_accept_is_refused() {
    let ringing = call(House::new().await, PlaceCall::from("+447700900001")).await;
    let mut peer = BizPeer::new(&ringing.house.tasks, Plan::Quiet).await;
    let answer = peer.answer(&ringing.offer);
    ringing.house.act(&ringing.wacid, "pre_accept", Some(&answer)).await;
    let other = answer.replace("s=-", "s=x");
    let (status, body) = ringing.house.act(&ringing.wacid, "accept", Some(&other)).await;
    assert_eq!((status, body["error"]["code"].as_u64()), (400, Some(100)), "{body}");
    assert_eq!(ringing.house.act(&ringing.wacid, "accept", Some(&answer)).await.0, 200);
}

#[tokio::test]
async fn accept_that_calls_its_sdp_an_offer_is_answered_but_stays_dead() {
    let ringing = call(
        House::with(Knobs { start_silence_ms: 400, ..Knobs::quick() }).await,
        PlaceCall::from("+447700900001"),
    )
    .await;
    let mut peer = BizPeer::new(&ringing.house.tasks, Plan::Tone(300.0)).await;
    let answer = peer.answer(&ringing.offer);
    let body = json!({"messaging_product": "whatsapp", "call_id": ringing.wacid, "action": "accept",
        "session": {"sdp_type": "offer", "sdp": answer}});
    assert_eq!(ringing.house.graph("calls", &body).await.0, 200);
    assert_eq!(ringing.house.ended(&ringing.wacid).await, "media_timeout");
    assert!(!peer.ears().connected);
}

#[tokio::test]
async fn nobody_accepts_within_the_window() {
    let ringing = call(
        House::with(Knobs { accept_window_ms: 200, ..Knobs::quick() }).await,
        PlaceCall::from("+447700900001"),
    )
    .await;
    let terminate = ringing.house.inbox.wait("terminate").await;
    assert_eq!(terminate.call()["status"], "COMPLETED");
    assert!(terminate.call().get("start_time").is_none());
    assert_eq!(ringing.house.ended(&ringing.wacid).await, "not_answered");
}

#[tokio::test]
async fn impatient_caller_gives_up() {
    let ringing = call(House::new().await, PlaceCall::from("+447700900003")).await;
    assert_eq!(ringing.house.ended(&ringing.wacid).await, "caller_gave_up");
    let mut peer = BizPeer::new(&ringing.house.tasks, Plan::Quiet).await;
    let answer = peer.answer(&ringing.offer);
    assert_eq!(ringing.house.act(&ringing.wacid, "accept", Some(&answer)).await.0, 400);
}

#[tokio::test]
async fn terminate_overtakes_connect_when_the_caller_is_that_quick() {
    let house = House::new().await;
    house.control.place_call(PlaceCall::from("+447700900010")).await.unwrap();
    house.inbox.wait("connect").await;
    assert_eq!(house.inbox.labels(), ["terminate", "connect"]);
}

#[tokio::test]
async fn second_reject_is_refused() {
    let ringing = call(House::new().await, PlaceCall::from("+447700900001")).await;
    assert_eq!(ringing.house.act(&ringing.wacid, "reject", None).await.0, 200);
    let (status, body) = ringing.house.act(&ringing.wacid, "reject", None).await;
    assert_eq!(status, 400);
    assert!(
        body["error"]["error_data"]["details"].as_str().unwrap().contains("already in progress"),
        "{body}"
    );
    ringing.house.inbox.wait("terminate").await;
}

#[tokio::test]
async fn first_two_actions_on_a_call_of_0015_answer_500() {
    let ringing = call(House::new().await, PlaceCall::from("+447700900015")).await;
    let statuses = [
        ringing.house.act(&ringing.wacid, "reject", None).await.0,
        ringing.house.act(&ringing.wacid, "reject", None).await.0,
        ringing.house.act(&ringing.wacid, "reject", None).await.0,
    ];
    assert_eq!(statuses, [500, 500, 200]);
}

#[tokio::test]
async fn user_cannot_call_twice_at_once() {
    let ringing = call(House::new().await, PlaceCall::from("+447700900001")).await;
    assert!(ringing.house.control.place_call(PlaceCall::from("+447700900001")).await.is_err());
}
