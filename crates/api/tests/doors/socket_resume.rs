//! Coming back after a drop.

use std::collections::BTreeSet;

use offhook_core::call::State;
use offhook_core::id::NumberId;
use offhook_core::ports::PermissionAsk;
use serde_json::{Value, json};

use crate::rig::{ANSWER, Agent, OFFER, Rig, USER, tenant};

async fn happen(rig: &Rig, times: u64) {
    let number = NumberId::parse("num_00000000000000000000000000000001").unwrap();
    for _ in 0..times {
        // Nobody is asked twice.
        let to = rig.stranger();
        let ask = PermissionAsk { to, body: None, template: None };
        rig.engine.ask_permission(&tenant(1), &number, ask).await.unwrap();
    }
}

fn seq(event: &Value) -> u64 {
    event["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn nothing_is_missed_or_told_twice_over_a_long_drop() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let ann = rig.agent(address, 1).await;
    let seen = ann.welcome["seq"].as_u64().unwrap();
    drop(ann);
    happen(&rig, 2500).await;
    let mut ann = Agent::connect(address, &rig.ticket(1).await, Some(seen)).await;
    assert_eq!(ann.welcome["resumed"], true);
    assert_eq!(ann.welcome["seq"], seen + 2500);
    happen(&rig, 300).await;
    let told: Vec<u64> = ann.events_so_far().await.iter().map(seq).collect();
    assert_eq!(told, (seen + 1..=seen + 2800).collect::<Vec<_>>());
}

#[tokio::test]
async fn cutting_the_line_anywhere_loses_nothing() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut last = rig.agent(address, 1).await.welcome["seq"].as_u64().unwrap();
    let first = last + 1;
    let mut told = Vec::new();
    for cut in 0..60 {
        happen(&rig, 20).await;
        let mut ann = Agent::connect(address, &rig.ticket(1).await, Some(last)).await;
        assert_eq!(ann.welcome["resumed"], true);
        happen(&rig, 20).await;
        for _ in 0..cut % 40 {
            let event = ann.hear().await.unwrap();
            last = seq(&event);
            told.push(last);
        }
    }
    let mut ann = Agent::connect(address, &rig.ticket(1).await, Some(last)).await;
    told.extend(ann.events_so_far().await.iter().map(seq));
    assert_eq!(told, (first..first + 2400).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_too_long_or_from_nowhere_the_snapshot_alone_tells() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    happen(&rig, 5001).await;
    for (resume_after, resumed) in [(0, false), (1, true), (5001, true), (5002, false), (u64::MAX, false)] {
        let ann = Agent::connect(address, &rig.ticket(1).await, Some(resume_after)).await;
        assert_eq!(ann.welcome["resumed"], resumed, "{resume_after}");
        assert_eq!(ann.welcome["seq"], 5001);
    }
}

#[tokio::test]
async fn a_ring_that_stopped_meanwhile_does_not_come_back() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let _stays = rig.agent(address, 1).await;
    let seen = ann.welcome["seq"].as_u64().unwrap();
    rig.rings("wacid.A").await;
    ann.event("call.incoming").await;
    drop(ann);
    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    rig.until(State::Missed).await;
    let mut ann = Agent::connect(address, &rig.ticket(1).await, Some(seen)).await;
    let kinds: Vec<_> =
        ann.events_so_far().await.iter().map(|event| event["event"]["type"].clone()).collect();
    assert_eq!(kinds, ["call.silenced"]);
}

#[tokio::test]
async fn a_ring_that_goes_on_comes_back() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let seen = ann.welcome["seq"].as_u64().unwrap();
    rig.rings("wacid.A").await;
    let call = ann.event("call.incoming").await["call"].clone();
    drop(ann);
    rig.until(State::Queued).await;
    let mut ann = Agent::connect(address, &rig.ticket(1).await, Some(seen)).await;
    rig.until(State::Ringing).await;
    let events = ann.events_so_far().await;
    let last = events.last().unwrap();
    assert_eq!(
        (&last["event"]["type"], &last["event"]["call"]["id"]),
        (&json!("call.incoming"), &call["id"])
    );
    assert_eq!(ann.accept(&call, ANSWER).await["type"], "ack");
}

#[tokio::test]
async fn the_end_of_a_call_is_told_after_the_drop_and_states_never_go_back() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let seen = ann.welcome["seq"].as_u64().unwrap();
    ann.command(json!({ "type": "call.place", "to": USER, "sdp": OFFER })).await;
    drop(ann);
    let wacid = rig.until(State::Dialing).await.facts.wacid.unwrap();
    rig.remote_answer(wacid.as_str()).await;
    rig.status(wacid.as_str(), "RINGING").await;
    rig.status(wacid.as_str(), "ACCEPTED").await;
    rig.until(State::Connected).await;
    rig.terminates(wacid.as_str(), "BUSINESS_INITIATED", Some(9)).await;
    rig.until(State::Completed).await;
    let mut ann = Agent::connect(address, &rig.ticket(1).await, Some(seen)).await;
    let events = ann.events_so_far().await;
    let states: BTreeSet<_> =
        events.iter().filter_map(|event| event["event"]["call"]["state"].as_str()).collect();
    assert_eq!(states, BTreeSet::from(["completed"]), "what is told late is told as it is now");
    assert_eq!(events.last().unwrap()["event"]["type"], "call.ended");
}

#[tokio::test]
async fn nobody_resumes_into_the_events_of_others() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    ann.command(json!({ "type": "call.place", "to": USER, "sdp": OFFER })).await;
    rig.until(State::Dialing).await;
    let mut bob = Agent::connect(address, &rig.ticket(2).await, Some(0)).await;
    assert_eq!(bob.welcome["resumed"], true);
    assert!(bob.events_so_far().await.is_empty());
    let mut eve = Agent::connect(address, &rig.ticket(5).await, Some(0)).await;
    assert!(eve.events_so_far().await.is_empty());
}
