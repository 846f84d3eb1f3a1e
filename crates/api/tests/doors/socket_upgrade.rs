//! Who gets a socket, and how it is greeted.

use std::time::Duration;

use offhook_core::house::Presence;
use serde_json::json;

use crate::rig::{Agent, Rig, connect_raw, refused_upgrade, user};

const SUB: (&str, &str) = ("sec-websocket-protocol", "offhook.v1");

#[tokio::test]
async fn a_ticket_is_welcomed_with_what_the_page_needs() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let ann = rig.agent(address, 1).await;
    insta::assert_json_snapshot!(ann.welcome, @r#"
    {
      "agent": {
        "id": "usr_00000000000000000000000000000001",
        "name": "Ann"
      },
      "heartbeat_ms": 25000,
      "ice_servers": [],
      "resumed": false,
      "seq": 0,
      "snapshot": {
        "calls": [],
        "numbers": [
          {
            "id": "num_00000000000000000000000000000001",
            "media": "relay",
            "phone": "+15550100200"
          }
        ],
        "parked": [],
        "presence": "available",
        "ringing": []
      },
      "type": "welcome"
    }
    "#);
}

#[tokio::test]
async fn wrong_pages_and_wrong_protocols_get_no_socket() {
    let rig = Rig::configured(|config| config.allowed_origins = vec!["https://crm.example.com".into()]).await;
    let address = rig.serve().await;
    let own = format!("http://{address}");
    let check = async |headers: &[(&'static str, &str)], expected: u16| {
        assert_eq!(refused_upgrade(address, headers).await, expected, "{headers:?}");
    };
    check(&[SUB], 101).await;
    check(&[SUB, ("origin", &own)], 101).await;
    check(&[SUB, ("origin", &own), ("cookie", "offhook=1")], 101).await;
    check(&[SUB, ("origin", "https://crm.example.com")], 101).await;
    check(&[SUB, ("origin", "https://evil.example")], 403).await;
    check(&[SUB, ("origin", "null")], 403).await;
    check(&[SUB, ("cookie", "offhook=1")], 403).await;
    check(&[], 400).await;
    check(&[("sec-websocket-protocol", "offhook.v2, chat")], 400).await;
    check(&[("sec-websocket-protocol", "chat, offhook.v1")], 101).await;
}

#[tokio::test]
async fn unknown_used_and_expired_tickets_are_refused() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let hello = |token: &str| json!({ "type": "hello", "token": token, "device_id": "tab" });
    let refused = async |token: &str| {
        let mut page = connect_raw(address).await;
        page.say(&hello(token)).await;
        let (code, said) = page.closed().await;
        assert_eq!(code, 4401, "{token}");
        assert_eq!(said[0]["error"]["code"], "unauthorized");
    };
    refused("nonsense").await;
    refused("").await;
    refused(&"x".repeat(5000)).await;
    let ticket = rig.ticket(1).await;
    let _ann = Agent::connect(address, &ticket, None).await;
    refused(&ticket).await;
    let late = rig.ticket(1).await;
    rig.clock.advance(Duration::from_secs(60));
    refused(&late).await;
}

#[tokio::test]
async fn a_role_that_takes_no_calls_is_not_let_in() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut page = connect_raw(address).await;
    page.say(&json!({ "type": "hello", "token": rig.ticket(3).await, "device_id": "tab" })).await;
    let (code, said) = page.closed().await;
    assert_eq!((code, said[0]["error"]["code"].as_str()), (4401, Some("forbidden")));
}

#[tokio::test]
async fn the_first_message_must_be_a_hello() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    for first in
        [r#"{"type":"ping","id":"1"}"#, "hello", "{}", r#"{"type":"hello","token":"t","device_id":""}"#]
    {
        let mut page = connect_raw(address).await;
        page.say_text(first.to_owned()).await;
        assert_eq!(page.closed().await.0, 4400, "{first}");
    }
}

#[tokio::test]
async fn presence_is_remembered_and_told_to_all_windows_of_the_person() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let (mut here, mut there) = (rig.agent(address, 1).await, rig.agent(address, 1).await);
    let mut bob = rig.agent(address, 2).await;
    let reply = here.command(json!({ "type": "presence.set", "status": "away" })).await;
    assert_eq!(reply["type"], "ack");
    assert_eq!(there.event("presence.changed").await["status"], "away");
    assert_eq!(rig.engine.presence(&user(1)), Some(Presence::Away));
    assert!(bob.events_so_far().await.is_empty(), "not his");
    drop((here, there));
    assert_eq!(rig.agent(address, 1).await.welcome["snapshot"]["presence"], "away");
}

#[tokio::test]
async fn shutdown_sends_everybody_away_with_a_time_to_come_back() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut pages = vec![rig.agent(address, 1).await, rig.agent(address, 2).await];
    let waiting = connect_raw(address).await;
    let leave = rig.sockets.goaway();
    let hear = async {
        let mut times = Vec::new();
        for page in &mut pages {
            let (code, said) = page.closed().await;
            assert_eq!(code, 4503);
            let last = said.last().unwrap();
            assert_eq!((&last["type"], &last["reason"]), (&json!("goaway"), &json!("shutdown")));
            times.push(last["reconnect_after_ms"].as_u64().unwrap());
        }
        drop(waiting);
        times
    };
    let ((), times) = tokio::join!(leave, hear);
    assert!(times.iter().all(|ms| (500..5000).contains(ms)), "{times:?}");
    assert_eq!(rig.sockets.open(), 0);
    assert_eq!(refused_upgrade(address, &[SUB]).await, 503);
}
