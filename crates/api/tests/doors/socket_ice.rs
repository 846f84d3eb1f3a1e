//! STUN and TURN servers, as pages are told of them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::{Rig, user};

fn server(nth: u32) -> Value {
    let username = format!("{nth}:{}", user(1));
    json!([{ "urls": ["turn:turn.example.com"], "username": username, "credential": "word" }])
}

#[tokio::test]
async fn without_any_the_welcome_names_none() {
    let rig = Rig::new().await;
    let ann = rig.agent(rig.serve().await, 1).await;
    assert_eq!(ann.welcome["ice_servers"], json!([]));
}

#[tokio::test]
async fn every_connection_gets_credentials_of_its_own() {
    let rig = Rig::new().await;
    rig.ice.lend_for(Duration::from_secs(3600));
    let address = rig.serve().await;
    for nth in 1..=3 {
        assert_eq!(rig.agent(address, 1).await.welcome["ice_servers"], server(nth));
    }
}

#[tokio::test]
async fn a_page_that_stays_gets_fresh_credentials_before_the_old_ones_expire() {
    let rig = Rig::new().await;
    rig.ice.lend_for(Duration::from_secs(40));
    let mut ann = rig.agent(rig.serve().await, 1).await;
    assert_eq!(ann.welcome["ice_servers"], server(1));
    for nth in 2..=3 {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(21)).await;
        tokio::time::resume();
        let told = ann.hear().await.unwrap();
        assert_eq!(told, json!({ "type": "ice_servers", "ice_servers": server(nth) }));
    }
}
