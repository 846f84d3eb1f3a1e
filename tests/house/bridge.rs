//! Calls whose sound the server carries: WhatsApp's leg as the simulator's phone hears it.

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use crate::agent::{Agent, sdp};
use crate::stage::{Stage, until};

/// The newest simulated call with everything its phone heard.
async fn simulated(stage: &Stage) -> anyhow::Result<Value> {
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
    let incoming = agent.event("call.incoming", |_| true).await?;
    anyhow::ensure!(incoming.get("sdp_offer").is_none(), "WhatsApp's offer is the server's: {incoming}");
    anyhow::ensure!(incoming["call"]["media"] == "bridge", "{incoming}");
    let id = incoming["call"]["id"].as_str().context("a call")?.to_owned();
    let ack = agent.command(json!({ "type": "call.accept", "call_id": id, "sdp": sdp("actpass") })).await?;
    anyhow::ensure!(ack["sdp_answer"].as_str().is_some_and(|answer| answer.starts_with("v=0")), "{ack}");
    agent.event("call.changed", |event| event["call"]["state"] == "connected").await?;
    Ok(id)
}

fn agent_of(stage: &Stage) -> Agent {
    Agent::new(stage.say("/url"), stage.say("/agents/0/email"), stage.say("/agents/0/password")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatsapp_is_pre_accepted_first_hears_nothing_too_early_and_is_never_left_in_silence() {
    let stage = Stage::start().unwrap();
    let mut agent = agent_of(&stage);
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

#[tokio::test(flavor = "multi_thread")]
async fn conversation_whose_agent_never_comes_back_ends_with_that_reason() {
    let stage = Stage::start().unwrap();
    let mut agent = agent_of(&stage);
    taken(&stage, &mut agent).await.unwrap();
    let ended = agent.event("call.ended", |_| true).await.unwrap();
    assert_eq!(ended["call"]["end_reason"], "agent_lost");
}
