//! Bridged calls and the process that carries them: what a kill leaves behind, and how many ports it takes.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::agent::{Agent, sdp};
use crate::server::{AGENTS, House};
use crate::stage::until;

/// Within this WhatsApp must know that a call is over whose server was killed.
pub(crate) const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// A user calls, and this agent, who is the only one free, takes the call; its id.
pub(crate) async fn taken(house: &House, agent: &mut Agent, from: &str) -> anyhow::Result<String> {
    agent.command(json!({ "type": "presence.set", "status": "available" })).await?;
    let url = format!("http://{}/control/calls", house.sim.addr());
    house.http.post(url).json(&json!({ "from": from })).send().await?.error_for_status()?;
    agent.take_bridged().await
}

/// The agent calls a user, who answers.
async fn placed(agent: &mut Agent, to: &str) -> anyhow::Result<()> {
    let ack = agent.command(json!({ "type": "call.place", "to": to, "sdp": sdp("actpass") })).await?;
    anyhow::ensure!(ack["sdp_answer"].is_string(), "{ack}");
    agent.event("call.changed", |event| event["call"]["state"] == "connected").await?;
    Ok(())
}

/// The server is killed: after the restart WhatsApp is told, and the record says why.
async fn killed(mut house: House) -> anyhow::Result<()> {
    let call = house.control("/calls").await?["calls"][0].clone();
    anyhow::ensure!(call["phase"] == "active", "{call}");
    let id = call["id"].as_str().context("a call")?;
    house.restart().await?;
    let ended = house.sim.control().wait_for(0, "call.ended", Some(id), TOLD_WITHIN).await;
    let ended = ended.context("WhatsApp is told soon after the restart")?;
    anyhow::ensure!(ended.data["reason"] == "terminated_by_business", "{:?}", ended.data);
    let row = until("the record to say so", async || {
        let rows = house.rows().await?;
        Ok(rows.into_iter().find(|row| row["end_reason"] == "server_restarted"))
    });
    let row = row.await?;
    anyhow::ensure!(row["status"] == "completed" && row["answered_at"].is_string(), "{row}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn inbound_bridged_call_of_a_killed_server_is_ended_at_whatsapp_and_says_why() {
    let house = House::start("bridge").await.unwrap();
    let mut agent = house.agent().unwrap();
    agent.connect().await.unwrap();
    taken(&house, &mut agent, "+447700900002").await.unwrap();
    killed(house).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn outbound_bridged_call_of_a_killed_server_is_ended_at_whatsapp_and_says_why() {
    let house = House::start("bridge").await.unwrap();
    let mut agent = house.agent().unwrap();
    agent.connect().await.unwrap();
    placed(&mut agent, "+447700900002").await.unwrap();
    killed(house).await.unwrap();
}

/// The UDP ports a process holds, as the kernel tells.
fn udp_ports(pid: u32) -> anyhow::Result<Vec<String>> {
    let mut sockets = HashSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // A file may be closed between the two questions.
        let Ok(target) = fs::read_link(entry?.path()) else { continue };
        let target = target.to_string_lossy();
        if let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
            sockets.insert(inode.to_owned());
        }
    }
    let mut ports = Vec::new();
    for table in ["udp", "udp6"] {
        for line in fs::read_to_string(format!("/proc/{pid}/net/{table}"))?.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if sockets.contains(columns[9]) {
                ports.push(columns[1].to_owned());
            }
        }
    }
    Ok(ports)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_both_directions_share_one_udp_port() {
    let house = House::start("bridge").await.unwrap();
    let idle = udp_ports(house.pid().unwrap()).unwrap();
    assert_eq!(idle.len(), 1, "{idle:?}");
    let mut agents = Vec::new();
    for (n, (email, _)) in AGENTS.into_iter().enumerate() {
        let mut agent = house.agent_called(email).unwrap();
        agent.connect().await.unwrap();
        let user = format!("+44770091{n}002");
        if n == 0 {
            placed(&mut agent, &user).await.unwrap();
        } else {
            taken(&house, &mut agent, &user).await.unwrap();
        }
        agents.push(agent);
    }
    let calls: Value = house.control("/calls").await.unwrap();
    assert_eq!(calls["live"], AGENTS.len(), "{calls}");
    let heard = |call: &Value| call["media_connected_ms"].is_u64();
    assert!(calls["calls"].as_array().unwrap().iter().all(heard), "every call has its sound here: {calls}");
    assert_eq!(udp_ports(house.pid().unwrap()).unwrap(), idle, "{} calls", AGENTS.len());
}
