//! The server killed between any two steps of a call. The simulator lives on, as WhatsApp would.

use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use crate::agent::sdp;
use crate::postgres::Postgres;
use crate::server::House;
use crate::stage::until;

async fn outbound(mut house: House, kill_at: usize) -> anyhow::Result<()> {
    let mut agent = house.agent()?;
    agent.connect().await?;
    let place = json!({ "type": "call.place", "to": "+447700900002", "sdp": sdp("actpass") });
    let ack = agent.command(place).await?;
    let id = ack["call"]["id"].as_str().with_context(|| format!("a call: {ack}"))?.to_owned();
    if kill_at == 0 {
        house.crash(&mut agent).await?;
    }
    let next = agent.either("call.remote_answer", "call.ended").await?;
    if next["type"] == "call.ended" {
        // Killed before WhatsApp was asked: nobody can know that, so the call is not dialled again.
        anyhow::ensure!(kill_at == 0 && next["call"]["end_reason"] == "unconfirmed", "{next}");
        anyhow::ensure!(house.acted("connect").await? == 0, "a call WhatsApp knows of is adopted");
        return Ok(());
    }
    if kill_at == 1 {
        house.crash(&mut agent).await?;
    }
    agent.event("call.changed", |event| event["call"]["state"] == "connected").await?;
    if kill_at == 2 {
        house.crash(&mut agent).await?;
    }
    let ack = agent.command(json!({ "type": "call.hangup", "call_id": id })).await?;
    anyhow::ensure!(ack["type"] == "ack", "hanging up: {ack}");
    if kill_at == 3 {
        house.crash(&mut agent).await?;
    }
    let row = house.row("completed").await?;
    anyhow::ensure!(row["end_reason"] == "local_hangup", "{row}");
    anyhow::ensure!(house.acted("connect").await? == 1, "dialled once");
    Ok(())
}

async fn inbound(mut house: House, kill_at: usize) -> anyhow::Result<()> {
    let mut agent = house.agent()?;
    agent.connect().await?;
    agent.command(json!({ "type": "presence.set", "status": "available" })).await?;
    house
        .http
        .post(format!("http://{}/control/calls", house.sim.addr()))
        .json(&json!({ "from": "+447700900002" }))
        .send()
        .await?
        .error_for_status()?;
    let incoming = agent.event("call.incoming", |_| true).await?;
    let id = incoming["call"]["id"].as_str().context("a call")?.to_owned();
    if kill_at == 0 {
        house.crash(&mut agent).await?;
        agent.event("call.incoming", |event| event["call"]["id"] == json!(id)).await?;
    }
    let accept = json!({ "type": "call.accept", "call_id": id, "sdp": sdp("active") });
    let ack = agent.command(accept).await?;
    anyhow::ensure!(ack["type"] == "ack", "taking the call: {ack}");
    if kill_at == 1 {
        house.crash(&mut agent).await?;
    }
    until("the call to be connected", async || {
        Ok(house.rows().await?.into_iter().find(|row| row["status"] == "in_progress"))
    })
    .await?;
    if kill_at == 2 {
        house.crash(&mut agent).await?;
    }
    let ack = agent.command(json!({ "type": "call.hangup", "call_id": id })).await?;
    anyhow::ensure!(ack["type"] == "ack", "hanging up: {ack}");
    if kill_at == 3 {
        house.crash(&mut agent).await?;
    }
    let row = house.row("completed").await?;
    anyhow::ensure!(row["end_reason"] == "local_hangup", "{row}");
    anyhow::ensure!(house.acted("accept").await? == 1, "accepted once");
    Ok(())
}

macro_rules! kills {
    ($($name:ident: $call:ident at $step:literal),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $call(House::start("relay").await.unwrap(), $step).await.unwrap();
        })*
    };
}

kills! {
    outbound_call_survives_a_kill_once_placed: outbound at 0,
    outbound_call_survives_a_kill_while_ringing: outbound at 1,
    outbound_call_survives_a_kill_in_conversation: outbound at 2,
    outbound_call_survives_a_kill_while_hanging_up: outbound at 3,
    inbound_call_survives_a_kill_while_ringing: inbound at 0,
    inbound_call_survives_a_kill_while_being_taken: inbound at 1,
    inbound_call_survives_a_kill_in_conversation: inbound at 2,
    inbound_call_survives_a_kill_while_hanging_up: inbound at 3,
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_postgresql_survive_kills_too() {
    let postgres = Postgres::start();
    let house = House::start_on(postgres.database("outbound"), "relay").await.unwrap();
    let (status, words) = house.second().unwrap();
    assert!(!status.success(), "a second server on one database refuses to start");
    assert!(words.contains("another server (process ") && words.contains("is running"), "{words}");
    outbound(house, 1).await.unwrap();
    let house = House::start_on(postgres.database("inbound"), "relay").await.unwrap();
    inbound(house, 1).await.unwrap();
}

/// Killed while `connect` is in flight and WhatsApp has acted: the call is adopted, not dialled again.
#[tokio::test(flavor = "multi_thread")]
async fn call_whose_connect_was_in_flight_is_adopted_and_not_dialled_again() {
    let mut house = House::start("relay").await.unwrap();
    let slow = json!({ "action": "connect", "fault": { "kind": "hang", "hold_ms": 2000, "acts": true } });
    let plan = house.http.post(format!("http://{}/control/faults", house.sim.addr())).json(&slow);
    plan.send().await.unwrap().error_for_status().unwrap();
    let mut agent = house.agent().unwrap();
    agent.connect().await.unwrap();
    let place = json!({ "type": "call.place", "to": "+447700900002", "sdp": sdp("actpass") });
    let ack = agent.command(place).await.unwrap();
    let id = ack["call"]["id"].as_str().unwrap().to_owned();
    let acted = house.sim.control().wait_for(0, "call.created", None, Duration::from_secs(10)).await;
    assert!(acted.is_some(), "WhatsApp places the call before the server dies");
    house.crash(&mut agent).await.unwrap();
    agent.event("call.changed", |event| event["call"]["state"] == "connected").await.unwrap();
    agent.command(json!({ "type": "call.hangup", "call_id": id })).await.unwrap();
    house.row("completed").await.unwrap();
    assert_eq!(house.acted("connect").await.unwrap(), 1);
}
