//! Calls as agents live them.

use offhook_core::call::{Fault, State};
use offhook_core::meta::MetaError;
use serde_json::{Value, json};

use crate::rig::{ANSWER, META_ANSWER, META_OFFER, OFFER, OTHER_ANSWER, Rig, USER};

#[tokio::test]
async fn an_incoming_call_rings_is_taken_and_ends() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    rig.rings("wacid.A").await;
    let ring = ann.event("call.incoming").await;
    assert_eq!(ring["sdp_offer"], META_OFFER);
    assert_eq!(
        (&ring["call"]["peer"]["phone"], &ring["call"]["peer"]["name"]),
        (&json!(USER), &json!("Dana Reyes"))
    );
    assert!(ring["call"]["peer"]["contact_id"].as_str().unwrap().starts_with("con_"), "{ring}");
    assert_eq!(ring["call"]["number"]["phone"], "+15550100200");
    assert_eq!(ring["call"]["state"], "ringing");

    let reply = ann.accept(&ring["call"], ANSWER).await;
    assert_eq!((&reply["type"], &reply["call"]["state"]), (&json!("ack"), &json!("answering")));
    assert_eq!(reply["call"]["agent"]["name"], "Ann");
    assert_eq!(ann.event("call.changed").await["call"]["state"], "answering");
    assert_eq!(ann.event("call.changed").await["call"]["state"], "connected");
    assert_eq!(rig.asker.actions(), ["accept"]);

    rig.terminates("wacid.A", "USER_INITIATED", Some(12)).await;
    let ended = ann.event("call.ended").await;
    assert_eq!(ended["call"]["state"], "completed");
    assert_eq!(ended["call"]["duration_seconds"], 12);
    assert_eq!(ended["call"]["end_reason"], "remote_hangup");
    assert_eq!(ended["call"]["error"], Value::Null);
}

#[tokio::test]
async fn the_reply_to_a_command_comes_before_the_events_it_caused() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    for n in 0..20 {
        ann.say(&json!({ "type": "call.place", "id": n.to_string(), "to": USER, "sdp": OFFER })).await;
    }
    let mut known = std::collections::BTreeSet::new();
    let mut replies = 0;
    while replies < 20 || known.len() < 20 {
        let message = ann.hear().await.unwrap();
        if message["type"] == "ack" {
            assert_eq!(message["id"], replies.to_string(), "in the order they were asked");
            replies += 1;
            known.insert(message["call"]["id"].as_str().unwrap().to_owned());
        } else {
            let call = message["event"]["call"]["id"].as_str().unwrap();
            assert!(known.contains(call), "an event of a call before the reply that names it");
        }
    }
}

#[tokio::test]
async fn an_outgoing_call_is_placed_answered_and_hung_up() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let reply = ann.command(json!({ "type": "call.place", "to": "447700900123", "sdp": OFFER })).await;
    assert_eq!((&reply["type"], &reply["call"]["state"]), (&json!("ack"), &json!("created")));
    let wacid = rig.until(State::Dialing).await.facts.wacid.unwrap();
    rig.remote_answer(wacid.as_str()).await;
    let answer = ann.event("call.remote_answer").await;
    assert_eq!(
        answer,
        json!({ "type": "call.remote_answer", "call_id": reply["call"]["id"], "sdp_answer": META_ANSWER })
    );
    rig.status(wacid.as_str(), "RINGING").await;
    assert_eq!(ann.event("call.changed").await["call"]["state"], "ringing");
    rig.status(wacid.as_str(), "ACCEPTED").await;
    assert_eq!(ann.event("call.changed").await["call"]["state"], "connected");

    let hung = ann.command(json!({ "type": "call.hangup", "call_id": reply["call"]["id"] })).await;
    assert_eq!(hung["call"]["state"], "ending");
    rig.terminates(wacid.as_str(), "BUSINESS_INITIATED", Some(30)).await;
    let ended = ann.event("call.ended").await;
    assert_eq!(
        (&ended["call"]["state"], &ended["call"]["end_reason"]),
        (&json!("completed"), &json!("local_hangup"))
    );
    assert_eq!(rig.asker.actions(), ["connect", "terminate"]);
}

#[tokio::test]
async fn a_call_that_whatsapp_refuses_ends_with_words_and_a_remedy() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    rig.asker.prepare(Err(Fault::Refused(MetaError { code: 138_006, message: "No permission".into() })));
    let reply = ann.command(json!({ "type": "call.place", "to": USER, "sdp": OFFER })).await;
    assert_eq!(reply["type"], "ack", "the verdict comes as an event");
    let ended = ann.event("call.ended").await;
    assert_eq!(ended["call"]["state"], "failed");
    insta::assert_json_snapshot!(ended["call"]["error"], @r#"
    {
      "code": "no_permission",
      "message": "This person has not permitted calls.",
      "remedy": "Ask for permission in the chat, and call when they have agreed."
    }
    "#);
}

#[tokio::test]
async fn of_two_agents_one_takes_the_call_and_the_other_learns_who() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let (mut ann, mut bob) = (rig.agent(address, 1).await, rig.agent(address, 2).await);
    rig.rings("wacid.A").await;
    let call = ann.event("call.incoming").await["call"].clone();
    bob.event("call.incoming").await;
    let (hers, his) = tokio::join!(ann.accept(&call, ANSWER), bob.accept(&call, OTHER_ANSWER));
    let (won, lost) = if hers["type"] == "ack" { (&hers, &his) } else { (&his, &hers) };
    let winner = won["call"]["agent"].clone();
    assert_eq!((&won["type"], &lost["type"]), (&json!("ack"), &json!("error")));
    assert_eq!(lost["error"]["code"], "answered_elsewhere");
    let name = winner["name"].as_str().unwrap();
    assert_eq!(lost["error"]["message"], format!("{name} has taken this call."));
    let loser = if name == "Ann" { &mut bob } else { &mut ann };
    let silenced = loser.event("call.silenced").await;
    assert_eq!((&silenced["reason"], &silenced["by"]), (&json!("answered_elsewhere"), &winner));
    assert_eq!(rig.asker.actions(), ["accept"]);
}

#[tokio::test]
async fn a_decline_silences_only_the_decliner() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let (mut ann, mut anns_other, mut bob) =
        (rig.agent(address, 1).await, rig.agent(address, 1).await, rig.agent(address, 2).await);
    rig.rings("wacid.A").await;
    let call = ann.event("call.incoming").await["call"].clone();
    assert_eq!(ann.command(json!({ "type": "call.decline", "call_id": call["id"] })).await["type"], "ack");
    for window in [&mut ann, &mut anns_other] {
        let silenced = window.event("call.silenced").await;
        assert_eq!((&silenced["reason"], &silenced["by"]), (&json!("declined"), &Value::Null));
    }
    bob.event("call.incoming").await;
    assert!(bob.events_so_far().await.is_empty());
    assert_eq!(bob.accept(&call, ANSWER).await["type"], "ack");
    let nothing = ann.events_so_far().await;
    assert!(nothing.is_empty(), "{nothing:?}");
}

#[tokio::test]
async fn windows_of_one_person_ring_as_one() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let (mut here, mut there) = (rig.agent(address, 1).await, rig.agent(address, 1).await);
    rig.rings("wacid.A").await;
    let call = here.event("call.incoming").await["call"].clone();
    there.event("call.incoming").await;
    assert_eq!(here.accept(&call, ANSWER).await["type"], "ack");
    let changed = there.event("call.changed").await;
    assert_eq!(
        (&changed["call"]["state"], &changed["call"]["agent"]["name"]),
        (&json!("answering"), &json!("Ann"))
    );
    let late = there.accept(&call, OTHER_ANSWER).await;
    assert_eq!((&late["type"], &late["error"]["code"]), (&json!("error"), &json!("answered_elsewhere")));
    assert_eq!(late["error"]["message"], "You have taken this call in another window.");
    let again = here.accept(&call, ANSWER).await;
    assert_eq!(again["type"], "ack", "the same answer again is no harm");
    assert_eq!(rig.asker.actions(), ["accept"]);
}

#[tokio::test]
async fn a_caller_who_gives_up_silences_everybody() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    rig.rings("wacid.A").await;
    let call = ann.event("call.incoming").await["call"].clone();
    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    assert_eq!(ann.event("call.silenced").await["reason"], "caller_gave_up");
    let late = ann.accept(&call, ANSWER).await;
    assert_eq!(late["error"]["code"], "call_ended");
}

#[tokio::test]
async fn a_page_loaded_while_it_rings_finds_the_ring() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let bob = rig.agent(address, 2).await;
    rig.rings("wacid.A").await;
    let call = ann.event("call.incoming").await["call"].clone();
    let second = rig.agent(address, 1).await;
    let ringing = &second.welcome["snapshot"]["ringing"];
    assert_eq!((&ringing[0]["call"]["id"], &ringing[0]["sdp_offer"]), (&call["id"], &json!(META_OFFER)));
    drop((bob, second));
    assert_eq!(ann.accept(&call, ANSWER).await["type"], "ack");
    rig.until(State::Connected).await;
    let reloaded = rig.agent(address, 1).await;
    assert_eq!(reloaded.welcome["snapshot"]["calls"][0]["call"]["state"], "connected");
    assert_eq!(reloaded.welcome["snapshot"]["ringing"], json!([]));
}

#[tokio::test]
async fn the_answer_of_whatsapp_is_in_the_snapshot_of_a_reloaded_page() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    ann.command(json!({ "type": "call.place", "to": USER, "sdp": OFFER })).await;
    let wacid = rig.until(State::Dialing).await.facts.wacid.unwrap();
    rig.remote_answer(wacid.as_str()).await;
    ann.event("call.remote_answer").await;
    let reloaded = rig.agent(address, 1).await;
    assert_eq!(reloaded.welcome["snapshot"]["calls"][0]["sdp_answer"], META_ANSWER);
}

#[tokio::test]
async fn commands_that_cannot_be_carried_out_say_why() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let mut eve = rig.agent(address, 5).await;
    rig.rings("wacid.A").await;
    let call = ann.event("call.incoming").await["call"].clone();
    let nobody = "wac_ffffffffffffffffffffffffffffffff";
    let place = |to: &str, sdp: &str| json!({ "type": "call.place", "to": to, "sdp": sdp });
    let cases = [
        (json!({ "type": "call.accept", "call_id": nobody, "sdp": ANSWER }), "unknown_call"),
        (json!({ "type": "call.accept", "call_id": "x", "sdp": ANSWER }), "unknown_call"),
        (json!({ "type": "call.accept", "call_id": call["id"], "sdp": OFFER }), "invalid_sdp"),
        (json!({ "type": "call.accept", "call_id": call["id"] }), "invalid_message"),
        (json!({ "type": "call.hangup", "call_id": call["id"] }), "not_yours"),
        (json!({ "type": "call.hangup", "call_id": 7 }), "invalid_message"),
        (place("12345", OFFER), "invalid_phone"),
        (place("112", OFFER), "emergency_not_supported"),
        (place(USER, "v=0"), "invalid_sdp"),
        (
            json!({ "type": "call.place", "to": USER, "sdp": OFFER, "from_number_id": "num_1" }),
            "unknown_number",
        ),
        (json!({ "type": "presence.set", "status": "lunch" }), "invalid_message"),
    ];
    for (command, code) in cases {
        let reply = ann.command(command.clone()).await;
        assert_eq!(reply["error"]["code"], code, "{command}");
    }
    for kind in ["call.decline", "call.hangup"] {
        let reply = eve.command(json!({ "type": kind, "call_id": call["id"] })).await;
        assert_eq!(reply["error"]["code"], "unknown_call", "another tenant's call is no call");
    }
    assert_eq!(eve.accept(&call, ANSWER).await["error"]["code"], "unknown_call");
    assert!(eve.events_so_far().await.is_empty());
    assert_eq!(ann.accept(&call, ANSWER).await["type"], "ack", "it rings on");
}

#[tokio::test]
async fn permission_is_asked_for_and_told_to_all_agents() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let (mut ann, mut bob, mut eve) =
        (rig.agent(address, 1).await, rig.agent(address, 2).await, rig.agent(address, 5).await);
    let reply = ann.command(json!({ "type": "permission.request", "to": "+44 7700 900123" })).await;
    assert_eq!(reply["type"], "ack");
    for agent in [&mut ann, &mut bob] {
        let changed = agent.event("permission.changed").await;
        assert_eq!((&changed["phone"], &changed["status"]), (&json!(USER), &json!("requested")));
    }
    assert_eq!(rig.asker.permissions().len(), 1);
    assert!(eve.events_so_far().await.is_empty());
}

#[tokio::test]
async fn a_database_that_cannot_write_is_told_and_nothing_is_dialled() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    rig.memory.set_broken(true);
    tokio::time::pause();
    let reply = ann.command(json!({ "type": "call.place", "to": USER, "sdp": OFFER })).await;
    assert_eq!(reply["error"]["code"], "unavailable");
    assert!(rig.asker.actions().is_empty());
}
