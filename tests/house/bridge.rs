//! Calls whose sound the server carries: WhatsApp's leg as the simulator's phone hears it.

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use crate::agent::{Agent, sdp};
use crate::stage::{Stage, until};

/// The newest simulated call with everything its phone heard.
pub(crate) async fn simulated(stage: &Stage) -> anyhow::Result<Value> {
    let calls: Value = stage.control(Method::GET, "/calls").send().await?.json().await?;
    let id = calls["calls"][0]["id"].as_str().context("a simulated call")?.to_owned();
    Ok(stage.control(Method::GET, &format!("/calls/{id}")).send().await?.json().await?)
}

/// A bridged inbound call that an agent has taken; returns its id.
pub(crate) async fn taken(stage: &Stage, agent: &mut Agent) -> anyhow::Result<String> {
    agent.connect().await?;
    agent.command(json!({ "type": "presence.set", "status": "available" })).await?;
    let call_in = json!({ "from": "+447700900002", "to": stage.say("/bridged_number/phone_number_id") });
    stage.control(Method::POST, "/calls").json(&call_in).send().await?.error_for_status()?;
    agent.take_bridged().await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatsapp_is_pre_accepted_first_hears_nothing_too_early_and_is_never_left_in_silence() {
    let stage = Stage::start().unwrap();
    let mut agent = stage.agent().unwrap();
    let id = taken(&stage, &mut agent).await.unwrap();
    // Nobody stands behind the agent's SDP: WhatsApp is told comfort sound.
    let call = until("comfort sound", async || {
        let call = simulated(&stage).await?;
        Ok((call["heard"]["packets"].as_u64() > Some(25)).then_some(call))
    });
    let call = call.await.unwrap();
    assert_eq!(call["heard"]["packets_before_answer"], 0, "{call}");
    assert_eq!(call["heard"]["ssrcs"].as_array().map(Vec::len), Some(1), "{call}");
    let log: Value = stage.control(Method::GET, "/graph-log").send().await.unwrap().json().await.unwrap();
    let actions: Vec<_> = log["requests"].as_array().unwrap().iter().map(|it| it["action"].clone()).collect();
    assert_eq!(actions, ["pre_accept", "accept"]);

    agent.command(json!({ "type": "call.hold", "call_id": id })).await.unwrap();
    agent.event("call.changed", |event| event["call"]["held"] == true).await.unwrap();
    until("music", async || {
        let heard = simulated(&stage).await?["heard"].clone();
        Ok((heard["now_hz"].as_f64() > Some(100.0)).then_some(()))
    })
    .await
    .unwrap();
    agent.command(json!({ "type": "call.resume", "call_id": id })).await.unwrap();
    let resumed = |event: &Value| event["call"]["state"] == "connected" && event["call"]["held"] == false;
    agent.event("call.changed", resumed).await.unwrap();

    agent.command(json!({ "type": "call.hangup", "call_id": id })).await.unwrap();
    let ended = agent.event("call.ended", |_| true).await.unwrap();
    assert_eq!(ended["call"]["end_reason"], "local_hangup");
    let call = simulated(&stage).await.unwrap();
    assert_eq!(call["heard"]["ssrcs"].as_array().map(Vec::len), Some(1), "one stream through it all: {call}");
}

/// A stage whose agents are waited for one second.
fn impatient(agent_lost: &str) -> Stage {
    Stage::with(&format!("[calls]\nagent_wait_secs = 1\nagent_lost = \"{agent_lost}\"\n")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn conversation_whose_agent_never_comes_back_ends_with_that_reason_where_the_house_wants_it() {
    let stage = impatient("end");
    let mut agent = stage.agent().unwrap();
    taken(&stage, &mut agent).await.unwrap();
    let ended = agent.event("call.ended", |_| true).await.unwrap();
    assert_eq!(ended["call"]["end_reason"], "agent_lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn customer_whose_agent_is_lost_hears_music_until_somebody_takes_the_call() {
    let stage = impatient("queue");
    let mut agent = stage.agent().unwrap();
    let id = taken(&stage, &mut agent).await.unwrap();
    let left = agent.event("call.left", |_| true).await.unwrap();
    assert_eq!(
        (&left["reason"], &left["call"]["table"]["seeking"]["purpose"]),
        (&json!("lost"), &json!("handover"))
    );
    let again = agent.event("call.incoming", |_| true).await.unwrap();
    assert_eq!((&again["call"]["id"], &again["call"]["state"]), (&json!(id), &json!("connected")));
    until("music", async || {
        let heard = simulated(&stage).await?["heard"].clone();
        Ok((heard["now_hz"].as_f64() > Some(100.0)).then_some(()))
    })
    .await
    .unwrap();
    let accept = json!({ "type": "call.accept", "call_id": id, "sdp": sdp("actpass") });
    let ack = agent.command(accept).await.unwrap();
    assert!(ack["sdp_answer"].is_string(), "{ack}");
    assert_eq!(ack["call"]["agent"]["name"], "Ada");
}

/// A bridged call placed by a program, as the answer to it says.
pub(crate) async fn placed(stage: &Stage, to: &str, connect_to: Option<Value>) -> Value {
    let mut body = json!({ "to": to, "from_phone_number_id": stage.say("/bridged_number/phone_number_id") });
    if let Some(connect_to) = connect_to {
        body["connect_to"] = connect_to;
    }
    let answer = stage.api(Method::POST, CALLS).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["data"]["media_mode"], "bridge", "{answer}");
    answer["data"].clone()
}

pub(crate) const CALLS: &str = "/api/v1/whatsapp/calling/calls";

/// What a program asks of a call, and the call as it is then.
pub(crate) async fn act(stage: &Stage, id: &str, action: &str, fields: Value) -> Value {
    let answer =
        stage.api(Method::POST, &format!("{CALLS}/{id}/{action}")).json(&fields).send().await.unwrap();
    let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, 200, "{action}: {body}");
    body["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn program_places_a_call_without_an_offer_and_controls_it_over_rest() {
    let stage = Stage::start().unwrap();
    let mut ada = stage.agent().unwrap();
    ada.connect().await.unwrap();
    ada.command(json!({ "type": "presence.set", "status": "available" })).await.unwrap();
    let id = placed(&stage, "+447700900002", None).await["id"].as_str().unwrap().to_owned();
    // The user has picked up and waits with music; whoever is free rings.
    let incoming = ada.event("call.incoming", |_| true).await.unwrap();
    assert_eq!(incoming["call"]["state"], "connected", "{incoming}");
    let accept = json!({ "type": "call.accept", "call_id": id, "sdp": sdp("actpass") });
    ada.command(accept).await.unwrap();

    assert_eq!(act(&stage, &id, "hold", json!({})).await["bridge"]["held"], true);
    assert_eq!(act(&stage, &id, "resume", json!({})).await["bridge"]["held"], false);
    act(&stage, &id, "dtmf", json!({ "digits": "12#" })).await;
    until("the keys at the customer's phone", async || {
        let call = simulated(&stage).await?;
        Ok((call["heard"]["keys"] == "12#").then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(act(&stage, &id, "play", json!({ "clip": "welcome" })).await["bridge"]["playing"], "welcome");
    until("the announcement", async || {
        let heard = simulated(&stage).await?["heard"]["now_hz"].as_f64().unwrap_or_default();
        Ok(((640.0..680.0).contains(&heard) || (860.0..900.0).contains(&heard)).then_some(()))
    })
    .await
    .unwrap();
    until("its end", async || {
        let call: Value = stage.api(Method::GET, &format!("{CALLS}/{id}")).send().await?.json().await?;
        Ok(call["data"]["bridge"]["playing"].is_null().then_some(()))
    })
    .await
    .unwrap();
    assert!(act(&stage, &id, "park", json!({})).await["bridge"]["parked_at"].is_string());
    ada.event("call.parked", |event| event["call"]["id"] == id.as_str()).await.unwrap();
    let take = json!({ "type": "call.retrieve", "call_id": id, "sdp": sdp("actpass") });
    assert_eq!(ada.command(take).await.unwrap()["call"]["agent"]["name"], "Ada");

    let nobody = json!({ "to": { "agent": "usr_00000000000000000000000000000001" } });
    let refused =
        stage.api(Method::POST, &format!("{CALLS}/{id}/transfer")).json(&nobody).send().await.unwrap();
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["details"]["reason"], "not_available");

    act(&stage, &id, "terminate", json!({})).await;
    let ended = ada.event("call.ended", |_| true).await.unwrap();
    assert_eq!(ended["call"]["end_reason"], "local_hangup");
}

#[tokio::test(flavor = "multi_thread")]
async fn call_connected_to_an_announcement_plays_it_and_ends() {
    let stage = Stage::start().unwrap();
    let connect_to = json!({ "announcement": "welcome" });
    let id = placed(&stage, "+447700900002", Some(connect_to)).await["id"].as_str().unwrap().to_owned();
    let ended = until("the end", async || {
        let call: Value = stage.api(Method::GET, &format!("{CALLS}/{id}")).send().await?.json().await?;
        Ok((call["data"]["status"] == "completed").then_some(call))
    });
    let ended = ended.await.unwrap();
    let heard = simulated(&stage).await.unwrap()["heard"].clone();
    assert!(heard["packets"].as_u64() > Some(45), "a second of it: {heard}");
    assert_eq!(ended["data"]["bridge"]["legs"][0]["agent_id"], Value::Null, "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn program_answers_a_ringing_call_and_sends_it_on() {
    let stage = Stage::start().unwrap();
    let mut ada = stage.agent().unwrap();
    ada.connect().await.unwrap();
    ada.command(json!({ "type": "presence.set", "status": "available" })).await.unwrap();
    let call_in = json!({ "from": "+447700900002", "to": stage.say("/bridged_number/phone_number_id") });
    stage.control(Method::POST, "/calls").json(&call_in).send().await.unwrap().error_for_status().unwrap();
    let id = ada.event("call.incoming", |_| true).await.unwrap()["call"]["id"].as_str().unwrap().to_owned();
    act(&stage, &id, "accept", json!({ "connect_to": { "queue": "default" } })).await;
    ada.event("call.silenced", |_| true).await.unwrap();
    let again = ada.event("call.incoming", |_| true).await.unwrap();
    assert_eq!((&again["call"]["id"], &again["call"]["state"]), (&json!(id), &json!("connected")));
    act(&stage, &id, "terminate", json!({})).await;
    ada.event("call.silenced", |_| true).await.unwrap();
}
