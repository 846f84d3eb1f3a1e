//! Nothing private reaches the log, whatever a call goes through.

use serde_json::json;

use crate::agent::{Agent, sdp};
use crate::bridge;
use crate::stage::{Stage, until};

#[tokio::test(flavor = "multi_thread")]
async fn no_phone_sdp_token_or_name_reaches_the_log() {
    let stage = Stage::start().unwrap();
    let mut agent =
        Agent::new(stage.say("/url"), stage.say("/agents/0/email"), stage.say("/agents/0/password")).unwrap();
    // A call whose sound the server carries: taken, held, and over.
    let bridged = bridge::taken(&stage, &mut agent).await.unwrap();
    for command in ["call.hold", "call.resume", "call.hangup"] {
        let done = agent.command(json!({ "type": command, "call_id": bridged })).await.unwrap();
        assert_eq!(done["type"], "ack", "{command}: {done}");
    }
    agent.event("call.ended", |event| event["call"]["id"] == json!(bridged)).await.unwrap();

    // Refused, placed, answered and missed calls; bad input; a bad key.
    for to in ["+447700910006", "+447700910002"] {
        let place = json!({ "type": "call.place", "to": to, "sdp": sdp("actpass") });
        agent.command(place).await.unwrap();
    }
    agent.event("call.changed", |event| event["call"]["state"] == "connected").await.unwrap();
    let call_in = json!({ "from": "+447700910003", "profile_name": "Canary Customer" });
    stage.control(reqwest::Method::POST, "/calls").json(&call_in).send().await.unwrap();
    let bad = json!({ "type": "call.place", "to": "+44 77009 10xyz", "sdp": "v=0 canarypassword" });
    agent.command(bad).await.unwrap();
    let wrong = stage.bare(reqwest::Method::GET, "/api/v1/whatsapp/calling/calls");
    wrong.header("X-API-Key", "wab_live_sk_canarykey").send().await.unwrap();
    until("four rows", async || {
        let rows = stage.api(reqwest::Method::GET, "/api/v1/whatsapp/calling/calls").send().await?;
        let rows: serde_json::Value = rows.json().await?;
        Ok(rows["data"].as_array().filter(|rows| rows.len() >= 4).map(|_| ()))
    })
    .await
    .unwrap();

    let secrets = [stage.say("/api_key").to_owned(), stage.say("/agents/0/password").to_owned()];
    let email = stage.say("/agents/0/email").to_owned();
    let log = stage.stop().unwrap();
    assert!(log.contains("call.id"), "the log tells of the calls: {log}");
    let canaries = [
        "4477009",
        "1555010020",
        "canarypassword",
        "canaryufrag",
        "canarykey",
        "AB:AB:AB",
        "Canary Customer",
        "sim-access-token",
        "wacid.",
        &email,
    ];
    for canary in canaries.into_iter().chain(secrets.iter().map(String::as_str)) {
        let line = log.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "{canary} stands in the log: {}", line.unwrap_or_default());
    }
}
