//! The business calls users: the magic numbers as their rows say.

use offhook_sim::{DtlsRole, Knobs};

use crate::support::{BizPeer, House, Plan};

async fn peer(house: &House, plan: Plan) -> BizPeer {
    BizPeer::new(&house.tasks, plan).await
}

#[tokio::test]
async fn echo_phone_answers_and_returns_what_it_hears() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Tone(523.0)).await;
    let wacid = house.dial_and_talk("15550000001", &mut peer).await;
    peer.hears(523.0).await;
    house.phone_hears(523.0).await;
    assert_eq!(house.act(&wacid, "terminate", None).await.0, 200);
    let terminate = house.inbox.wait("terminate").await;
    assert_eq!(terminate.call()["status"], "COMPLETED");
    assert_eq!(terminate.call()["biz_opaque_callback_data"], "ticket-1");
    assert!(terminate.call()["duration"].is_u64());
    assert_eq!(house.inbox.labels(), ["connect", "RINGING", "ACCEPTED", "terminate"]);
}

#[tokio::test]
async fn tone_phone_plays_440_hz_once_the_business_has_spoken() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Quiet).await;
    house.dial_and_talk("15550000002", &mut peer).await;
    peer.connected().await;
    house.event(0, "media.connected", |_| true).await;
    assert_eq!(peer.ears().packets, 0, "WhatsApp waits for the first packet of the business");
    peer.say(300.0).await;
    peer.hears(440.0).await;
    house.phone_hears(300.0).await;
}

#[tokio::test]
async fn every_dtls_role_of_the_answer_works() {
    for dtls_role in [DtlsRole::Passive, DtlsRole::Active, DtlsRole::Actpass] {
        let house = House::with(Knobs { dtls_role, ..Knobs::quick() }).await;
        let mut peer = peer(&house, Plan::Tone(300.0)).await;
        house.dial_and_talk("15550000002", &mut peer).await;
        peer.hears(440.0).await;
    }
}

#[tokio::test]
async fn declining_phone_rejects_without_times() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Quiet).await;
    let wacid = house.dial("15550000003", &mut peer).await;
    let terminate = house.inbox.wait("terminate").await;
    assert_eq!(house.inbox.labels(), ["connect", "RINGING", "REJECTED", "terminate"]);
    assert_eq!(terminate.call()["status"], "COMPLETED");
    assert!(terminate.call().get("start_time").is_none());
    assert_eq!(house.ended(&wacid).await, "declined_by_user");
}

#[tokio::test]
async fn phone_that_never_answers_rings_until_the_timeout() {
    let house = House::with(Knobs { ring_timeout_ms: 300, ..Knobs::quick() }).await;
    let mut peer = peer(&house, Plan::Quiet).await;
    let wacid = house.dial("15550000004", &mut peer).await;
    house.inbox.wait("terminate").await;
    assert_eq!(house.inbox.labels(), ["connect", "RINGING", "terminate"]);
    assert_eq!(house.ended(&wacid).await, "not_answered");
}

#[tokio::test]
async fn phone_hangs_up_some_time_after_answering() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Tone(300.0)).await;
    let wacid = house.dial_and_talk("15550000005", &mut peer).await;
    house.inbox.wait("terminate").await;
    assert_eq!(house.ended(&wacid).await, "hung_up_by_user");
}

#[tokio::test]
async fn silent_phone_never_sends_a_packet() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Tone(300.0)).await;
    house.dial_and_talk("15550000008", &mut peer).await;
    house.phone_hears(300.0).await;
    assert_eq!(peer.ears().packets, 0);
}

#[tokio::test]
async fn keypad_phone_presses_its_keys() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Tone(300.0)).await;
    house.dial_and_talk("15550000011", &mut peer).await;
    peer.until("keys", |ears| ears.keys == "123#").await;
}

#[tokio::test]
async fn lossy_phone_misses_packets_and_still_hears_the_tone() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Tone(600.0)).await;
    let wacid = house.dial_and_talk("15550000014", &mut peer).await;
    house.phone_hears(600.0).await;
    peer.until("a hundred packets", |ears| ears.packets > 100).await;
    let heard = serde_json::to_value(house.control.call(&wacid).unwrap().heard).unwrap();
    assert!(heard["lost"].as_u64().unwrap() > 0, "{heard}");
}

#[tokio::test]
async fn silent_business_is_dropped_with_138021_in_both_places() {
    let house = House::with(Knobs { start_silence_ms: 300, ..Knobs::quick() }).await;
    let mut peer = peer(&house, Plan::Quiet).await;
    house.dial_and_talk("15550000001", &mut peer).await;
    let terminate = house.inbox.wait("terminate").await;
    assert_eq!(terminate.call()["status"], "FAILED");
    assert_eq!(terminate.call()["errors"][0]["code"], 138_021);
    assert_eq!(terminate.value["errors"][0]["code"], 138_021);
    assert!(terminate.call()["start_time"].is_string());
}

#[tokio::test]
async fn business_that_stops_sending_in_mid_call_is_dropped() {
    let house = House::with(Knobs { mid_silence_ms: 600, ..Knobs::quick() }).await;
    let mut peer = peer(&house, Plan::Tone(300.0)).await;
    let wacid = house.dial_and_talk("15550000001", &mut peer).await;
    house.phone_hears(300.0).await;
    peer.say(0.0).await;
    assert_eq!(house.ended(&wacid).await, "media_timeout");
}

#[tokio::test]
async fn connect_webhook_can_beat_the_reply_to_the_post() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Quiet).await;
    house.dial("15550000010", &mut peer).await;
    assert!(house.inbox.labels().contains(&"connect".to_owned()), "the webhook came before the reply");
}

#[tokio::test]
async fn person_at_the_control_api_answers_an_ordinary_number() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Tone(300.0)).await;
    let wacid = house.dial("447700900123", &mut peer).await;
    let connect = house.inbox.wait("connect").await;
    peer.take_answer(connect.call()["session"]["sdp"].as_str().unwrap());
    house.inbox.wait("RINGING").await;
    let options = serde_json::from_value(serde_json::json!({"behaviour": "tone", "hz": 700.0})).unwrap();
    house.control.answer(&wacid, options).await.unwrap();
    peer.hears(700.0).await;
}

#[tokio::test]
async fn business_cancels_before_the_phone_is_picked_up() {
    let house = House::new().await;
    let mut peer = peer(&house, Plan::Quiet).await;
    let wacid = house.dial("15550000004", &mut peer).await;
    house.inbox.wait("RINGING").await;
    assert_eq!(house.act(&wacid, "terminate", None).await.0, 200);
    let terminate = house.inbox.wait("terminate").await;
    assert!(terminate.call().get("duration").is_none());
    let (status, body) = house.act(&wacid, "terminate", None).await;
    assert_eq!((status, body["error"]["code"].as_u64()), (400, Some(100)));
}
