//! Webhooks as Meta sends them, and as badly as switches make them.

use offhook_sim::{Knobs, PlaceCall};
use serde_json::json;

use crate::support::{BizPeer, House, Plan};

#[tokio::test]
async fn names_are_escaped_in_the_signed_bytes() {
    let house = House::new().await;
    let call = PlaceCall { profile_name: Some("René 😀".to_owned()), ..PlaceCall::from("+447700900123") };
    house.control.place_call(call).await.unwrap();
    let connect = house.inbox.wait("connect").await;
    assert!(connect.raw.is_ascii());
    assert!(connect.raw.contains(r"Ren\u00e9 \ud83d\ude00"));
    assert!(connect.raw.contains(r"UDP\/TLS\/RTP\/SAVPF"));
    let contact = &connect.value["contacts"][0];
    assert_eq!(contact["profile"]["name"], "René 😀");
    assert_eq!(contact["wa_id"], "447700900123");
    assert_eq!(connect.value["metadata"]["phone_number_id"], house.number.phone_number_id.as_str());
    assert!(connect.call()["timestamp"].is_string());
    let offer = connect.call()["session"]["sdp"].as_str().unwrap();
    let pwd = offer.lines().find(|line| line.starts_with("a=ice-pwd:")).unwrap();
    assert!(pwd.ends_with("=="), "{pwd}");
    assert!(offer.contains("a=ice-lite\r\n") && offer.contains("a=setup:actpass\r\n"));
}

#[tokio::test]
async fn anything_but_200_is_tried_again() {
    let house = House::new().await;
    house.inbox.answer_next(&[500, 201, 302]);
    house.control.place_call(PlaceCall::from("+447700900123")).await.unwrap();
    house.inbox.wait("connect").await;
    let statuses =
        || house.control.webhooks().attempts.iter().map(|attempt| attempt.status).collect::<Vec<_>>();
    house.event(0, "webhook.delivered", |_| true).await;
    assert_eq!(statuses(), [Some(500), Some(201), Some(302), Some(200)]);
}

#[tokio::test]
async fn disorderly_phone_sends_everything_twice_and_out_of_order() {
    let house = House::new().await;
    let mut peer = BizPeer::new(&house.tasks, Plan::Tone(300.0)).await;
    let wacid = house.dial("15550000009", &mut peer).await;
    let connect = house.inbox.wait("connect").await;
    let before = house.inbox.labels();
    assert!(
        before.iter().position(|l| l == "RINGING") < before.iter().position(|l| l == "connect"),
        "{before:?}"
    );
    peer.take_answer(connect.call()["session"]["sdp"].as_str().unwrap());
    peer.hears(300.0).await;
    house.act(&wacid, "terminate", None).await;
    for label in ["connect", "RINGING", "ACCEPTED", "terminate"] {
        house.inbox.wait_nth(label, 1).await;
    }
    let all = house.inbox.all();
    let batched = all.windows(2).any(|pair| pair[0].post == pair[1].post);
    assert!(batched, "no POST carried two changes: {:?}", house.inbox.labels());
}

#[tokio::test]
async fn switches_change_the_shape() {
    let knobs = Knobs {
        drop_contacts: true,
        bsuid_only: true,
        legacy_connection: true,
        unknown_keys: true,
        unknown_events: true,
        webhook_duplicates: 1,
        ..Knobs::quick()
    };
    let house = House::with(knobs).await;
    house.control.place_call(PlaceCall::from("+447700900123")).await.unwrap();
    let connect = house.inbox.wait_nth("connect", 1).await;
    assert!(connect.value.get("contacts").is_none());
    assert_eq!(connect.call()["from"], "");
    assert!(connect.call()["from_user_id"].as_str().unwrap().starts_with("GB."));
    assert!(connect.call()["connection"]["webrtc"]["sdp"].is_string());
    house.inbox.wait("x_future_field").await;
    house.inbox.wait("call_mood_changed").await;
}

#[tokio::test]
async fn batch_switch_puts_several_changes_into_one_post() {
    let house = House::with(Knobs { webhook_batch_ms: 400, ..Knobs::quick() }).await;
    for caller in ["+447700900101", "+447700900102", "+447700900103"] {
        house.control.place_call(PlaceCall::from(caller)).await.unwrap();
    }
    house.inbox.wait_nth("connect", 2).await;
    let posts: Vec<usize> = house.inbox.all().iter().map(|hook| hook.post).collect();
    assert!(posts.windows(2).any(|pair| pair[0] == pair[1]), "{posts:?}");
}

#[tokio::test]
async fn subscription_handshake_reports_what_the_business_answered() {
    let house = House::new().await;
    let report = house.control.subscribe().await.unwrap();
    assert!(report.verified, "{report:?}");
    let (status, body) = house.control_http(reqwest::Method::POST, "/control/subscribe", None).await;
    assert_eq!((status, &body["verified"]), (200, &json!(true)));
    house.control.set_webhook_url(Some(house.url("/control/calls").parse().unwrap()));
    assert!(!house.control.subscribe().await.unwrap().verified);
}
