//! Bridged calls as the people in them live them: every command, every refusal, who sees what.

use offhook_core::call::{LegQuality, SoundNews, State, Voice};
use offhook_core::house::Role;
use offhook_core::id::{CallId, UserId};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::rig::{Agent, OFFER, Rig, user};

const ANN: &str = "usr_00000000000000000000000000000001";
const BOB: &str = "usr_00000000000000000000000000000002";
const OLGA: &str = "usr_00000000000000000000000000000004";
const EVE: &str = "usr_00000000000000000000000000000005";

/// Ann talks with a user; Bob and Olga, the owner, look on.
struct Scene {
    rig: Rig,
    tell: mpsc::Sender<(CallId, SoundNews)>,
    address: std::net::SocketAddr,
    id: String,
    ann: Agent,
    bob: Agent,
    olga: Agent,
}

impl Scene {
    async fn begin() -> Self {
        let (rig, tell) = Rig::bridged().await;
        let address = rig.serve().await;
        let mut ann = rig.agent(address, 1).await;
        let call = rig.talks(&tell, &mut ann).await;
        let (bob, olga) = (rig.agent(address, 2).await, rig.agent(address, 4).await);
        let mut scene =
            Self { rig, tell, address, id: call["id"].as_str().unwrap().to_owned(), ann, bob, olga };
        scene.ann.events_so_far().await;
        scene.up(user(1)).await;
        scene
    }

    async fn news(&self, news: SoundNews) {
        self.tell.send((CallId::parse(&self.id).unwrap(), news)).await.unwrap();
    }

    async fn up(&self, who: UserId) {
        self.news(SoundNews::AgentUp(who)).await;
    }

    fn arrange(&self, wish: Value) -> Value {
        json!({ "type": "call.arrange", "call_id": self.id, "wish": wish })
    }

    fn about(&self, kind: &str) -> Value {
        json!({ "type": kind, "call_id": self.id })
    }

    fn with_sound(&self, kind: &str) -> Value {
        json!({ "type": kind, "call_id": self.id, "sdp": OFFER })
    }

    async fn ann(&mut self, wish: Value) -> Value {
        let command = self.arrange(wish);
        acked(self.ann.command(command).await)
    }

    /// Bob, who rings, takes the call.
    async fn bob_takes(&mut self) -> Value {
        let ring = self.bob.event("call.incoming").await;
        assert_eq!(ring["call"]["id"], self.id.as_str());
        let taken = acked(self.bob.command(self.with_sound("call.accept")).await);
        self.up(user(2)).await;
        taken
    }

    async fn end(mut self) {
        acked(self.olga.command(json!({ "type": "presence.set", "status": "available" })).await);
        self.rig.terminates("wacid.A", "USER_INITIATED", Some(9)).await;
        self.rig.until(State::Completed).await;
    }
}

/// The call of an ack.
fn acked(reply: Value) -> Value {
    assert_eq!(reply["type"], "ack", "{reply}");
    reply["call"].clone()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"]["type"].as_str().unwrap_or("none")).collect()
}

#[tokio::test]
async fn transferred_call_is_left_by_one_and_rings_the_other() {
    let mut scene = Scene::begin().await;
    let call = scene.ann(json!({ "do": "transfer", "to": { "agent": BOB } })).await;
    assert_eq!((&call["agent"], &call["table"]["seeking"]["purpose"]), (&Value::Null, &json!("handover")));
    assert_eq!(call["table"]["seeking"]["agent"]["name"], "Bob");
    let told = scene.ann.events_so_far().await;
    assert_eq!(kinds(&told), ["call.left"], "who has left hears no more of it: {told:?}");
    assert_eq!(told[0]["event"]["reason"], "transferred");
    let taken = scene.bob_takes().await;
    assert_eq!(taken["agent"]["name"], "Bob");
    let told = scene.bob.events_so_far().await;
    assert_eq!(kinds(&told), ["call.changed"]);
    assert!(scene.ann.events_so_far().await.is_empty());
    scene.rig.terminates("wacid.A", "USER_INITIATED", Some(9)).await;
    scene.bob.event("call.ended").await;
    assert!(scene.ann.events_so_far().await.is_empty(), "it ended without her");
}

#[tokio::test]
async fn consultation_conference_and_departures_are_told_to_those_who_are_there() {
    let mut scene = Scene::begin().await;
    let call = scene.ann(json!({ "do": "consult", "to": { "queue": "default" } })).await;
    assert_eq!(call["table"]["seeking"], json!({ "purpose": "consult", "agent": null }));
    let taken = scene.bob_takes().await;
    assert_eq!(
        taken["table"]["parties"],
        json!([{ "agent": { "id": BOB, "name": "Bob" }, "role": "consulted" }])
    );
    scene.olga.event("call.silenced").await;
    assert_eq!(scene.ann.event("call.changed").await["call"]["table"]["parties"], json!([]));
    assert_eq!(scene.ann.event("call.changed").await["call"]["table"]["parties"][0]["role"], "consulted");

    let merged = scene.ann(json!({ "do": "merge" })).await;
    assert_eq!(merged["table"]["parties"][0]["role"], "member");
    let muted = scene.ann(json!({ "do": "mute", "agent_id": BOB, "on": true })).await;
    assert_eq!(muted["table"]["muted"], json!([BOB]));
    assert_eq!(
        scene.ann(json!({ "do": "mute", "agent_id": BOB, "on": false })).await["table"]["muted"],
        json!([])
    );
    let bobs = scene.bob.events_so_far().await;
    assert_eq!(kinds(&bobs), ["call.changed"; 4], "{bobs:?}");

    // The owner goes; who stays owns it.
    acked(scene.ann.command(scene.about("call.leave")).await);
    let told = scene.ann.events_so_far().await;
    assert_eq!(told.last().unwrap()["event"]["reason"], "left", "{told:?}");
    let last = scene.bob.events_so_far().await.pop().unwrap();
    assert_eq!(last["event"]["call"]["agent"]["id"], BOB);

    // And brings her back, to see her off.
    let invite = scene.arrange(json!({ "do": "invite", "to": { "agent": ANN } }));
    acked(scene.bob.command(invite).await);
    scene.ann.event("call.incoming").await;
    acked(scene.ann.command(scene.with_sound("call.accept")).await);
    let remove = scene.arrange(json!({ "do": "remove", "agent_id": ANN }));
    acked(scene.bob.command(remove).await);
    assert_eq!(scene.ann.event("call.left").await["reason"], "removed");
    acked(scene.bob.command(scene.about("call.hangup")).await);
    scene.end().await;
}

#[tokio::test]
async fn attended_transfer_is_called_off_or_completed() {
    let mut scene = Scene::begin().await;
    scene.ann(json!({ "do": "consult", "to": { "agent": BOB } })).await;
    scene.bob.event("call.incoming").await;
    scene.ann(json!({ "do": "cancel" })).await;
    scene.bob.event("call.silenced").await;
    scene.ann(json!({ "do": "consult", "to": { "agent": BOB } })).await;
    scene.bob_takes().await;
    let done = scene.ann(json!({ "do": "complete" })).await;
    assert_eq!((&done["agent"]["id"], &done["table"]["parties"]), (&json!(BOB), &json!([])));
    assert_eq!(scene.ann.event("call.left").await["reason"], "transferred");
    // A second transfer, declined, comes back to who asked for it.
    let transfer = scene.arrange(json!({ "do": "transfer", "to": { "agent": ANN } }));
    acked(scene.bob.command(transfer).await);
    scene.ann.event("call.incoming").await;
    acked(scene.ann.command(scene.about("call.decline")).await);
    assert_eq!(scene.bob.event("call.left").await["reason"], "transferred");
    scene.bob_takes().await;
    scene.end().await;
}

#[tokio::test]
async fn parked_call_is_seen_by_everybody_of_the_house_and_taken_by_one() {
    let mut scene = Scene::begin().await;
    let mut eve = scene.rig.agent(scene.address, 5).await;
    let parked = scene.ann(json!({ "do": "park" })).await;
    assert!(parked["table"]["parked_at"].is_string(), "{parked}");
    assert_eq!(kinds(&scene.ann.events_so_far().await), ["call.left", "call.parked"]);
    for agent in [&mut scene.bob, &mut scene.olga] {
        assert!(agent.event("call.parked").await["call"]["table"]["parked_at"].is_string());
    }
    let late = scene.rig.agent(scene.address, 2).await;
    assert_eq!(late.welcome["snapshot"]["parked"][0]["id"], scene.id.as_str());
    assert_eq!(eve.command(scene.with_sound("call.retrieve")).await["error"]["code"], "unknown_call");

    let (hers, his) = (scene.with_sound("call.retrieve"), scene.with_sound("call.retrieve"));
    let (olga, bob) = tokio::join!(scene.olga.command(hers), scene.bob.command(his));
    let (won, lost) = if olga["type"] == "ack" { (olga, bob) } else { (bob, olga) };
    assert!(won["sdp_answer"].is_string(), "{won}");
    assert_eq!(lost["error"]["code"], "answered_elsewhere", "{lost}");
    assert_eq!(scene.ann.event("call.parked").await["call"]["table"]["parked_at"], Value::Null);
    assert!(eve.events_so_far().await.is_empty());
    scene.end().await;
}

/// An offer with this many fewer lines: those that say where the page can be reached.
fn without_candidates(offer: &str) -> String {
    offer.split_inclusive("\r\n").filter(|line| !line.starts_with("a=candidate")).collect()
}

#[tokio::test]
async fn page_tells_afterwards_where_it_is_and_finds_a_new_path_when_that_changes() {
    let mut scene = Scene::begin().await;
    let bare = without_candidates(OFFER);
    assert!(bare.len() < OFFER.len());
    let told = |kind: &str| json!({ "type": kind, "call_id": scene.id, "sdp": bare });
    let (attach, restart) = (told("call.attach"), told("call.restart"));
    let line = "candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host";
    let candidate = |line: &str| json!({ "type": "call.candidate", "call_id": scene.id, "ufrag": "abcd", "candidate": line });
    let (first, last, long) = (candidate(line), candidate(""), candidate(&"x".repeat(1_025)));

    assert!(scene.ann.command(attach).await["sdp_answer"].is_string());
    for told in [&first, &last] {
        assert_eq!(scene.ann.command(told.clone()).await["type"], "ack");
    }
    let lines: Vec<_> =
        scene.rig.sound.trickled().into_iter().map(|(.., told)| told.line.to_string()).collect();
    assert_eq!(lines, [line, ""]);
    assert_eq!(scene.ann.command(long).await["error"]["code"], "invalid_message");
    let found = scene.ann.command(restart.clone()).await;
    assert!(found["sdp_answer"].as_str().unwrap().contains("a new path"), "{found}");
    assert_eq!(found["call"]["id"], scene.id.as_str());

    scene.rig.sound.forgets.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(scene.ann.command(restart.clone()).await["error"]["code"], "not_attached");
    // Nobody speaks for somebody else's sound, and another house does not know the call.
    let mut eve = scene.rig.agent(scene.address, 5).await;
    for (agent, code) in [(&mut scene.bob, "not_yours"), (&mut eve, "unknown_call")] {
        assert_eq!(agent.command(restart.clone()).await["error"]["code"], code);
        assert_eq!(agent.command(first.clone()).await["error"]["code"], code);
    }
    assert_eq!(scene.rig.sound.trickled().len(), 2);
    scene.end().await;
}

#[tokio::test]
async fn supervisor_comes_unseen_by_the_user_whispers_and_takes_over() {
    let mut scene = Scene::begin().await;
    let supervise = |id: &str, how: &str, sdp: Option<&str>| {
        let mut command = json!({ "type": "call.supervise", "call_id": id, "how": how });
        sdp.into_iter().for_each(|sdp| command["sdp"] = json!(sdp));
        command
    };
    let id = scene.id.clone();
    for (how, role) in [("listen", "listener"), ("whisper", "whisperer"), ("barge", "barger")] {
        let sdp = (how == "listen").then_some(OFFER);
        let reply = scene.olga.command(supervise(&id, how, sdp)).await;
        assert_eq!(reply["sdp_answer"].is_string(), sdp.is_some(), "{reply}");
        assert_eq!(reply["call"]["table"]["parties"][0]["role"], role, "{reply}");
    }
    let refused = scene.bob.command(supervise(&id, "listen", Some(OFFER))).await;
    assert_eq!(refused["error"]["code"], "forbidden");
    for agent in [&mut scene.bob, &mut scene.ann] {
        let refused = agent.command(json!({ "type": "call.take_over", "call_id": id })).await;
        assert_eq!(refused["error"]["code"], "forbidden");
    }
    let over = acked(scene.olga.command(scene.about("call.take_over")).await);
    assert_eq!(over["agent"]["id"], OLGA);
    assert_eq!(scene.ann.event("call.left").await["reason"], "taken_over");
    let refused = scene.olga.command(supervise(&id, "listen", None)).await;
    assert_eq!(refused["error"]["code"], "already_there");
    let written = scene.rig.audit.actions();
    let sat = ["call.supervised"; 3];
    let tried = ["right.refused"; 2];
    assert_eq!(
        written,
        [&sat[..], &tried, &["call.taken_over"]].concat(),
        "once a minute for each who tries"
    );
    scene.end().await;
}

#[tokio::test]
async fn who_loses_the_right_to_supervise_loses_it_without_a_new_connection() {
    let mut scene = Scene::begin().await;
    scene.rig.directory.change(user(4), Some(Role::Agent));
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    tokio::time::resume();
    scene.olga.events_so_far().await;
    let how = json!({ "type": "call.supervise", "call_id": scene.id, "how": "listen", "sdp": OFFER });
    assert_eq!(scene.olga.command(how).await["error"]["code"], "forbidden");
    scene.end().await;
}

#[tokio::test]
async fn colleagues_are_named_with_who_is_free_and_owners_see_conversations() {
    let mut scene = Scene::begin().await;
    let list = json!({ "type": "colleagues.list" });
    let bobs = scene.bob.command(list.clone()).await;
    let free = |reply: &Value, name: &str| {
        let all = reply["colleagues"].as_array().unwrap();
        all.iter().find(|one| one["agent"]["name"] == name).map(|one| one["free"].clone())
    };
    assert_eq!(free(&bobs, "Ann"), Some(json!(false)), "she talks: {bobs}");
    assert_eq!(free(&bobs, "Olga"), Some(json!(true)));
    assert_eq!((free(&bobs, "Eve"), free(&bobs, "Vera"), free(&bobs, "Bob")), (None, None, None));
    assert_eq!(bobs["live"], json!([]));
    let olgas = scene.olga.command(list.clone()).await;
    assert_eq!(olgas["live"][0]["id"], scene.id.as_str());
    let mut eve = scene.rig.agent(scene.address, 5).await;
    let eves = eve.command(list).await;
    assert_eq!((&eves["colleagues"], &eves["live"]), (&json!([]), &json!([])));
    scene.end().await;
}

#[tokio::test]
async fn keys_announcements_and_recordings_are_told_and_quality_reaches_those_in_the_call() {
    let mut scene = Scene::begin().await;
    scene.ann(json!({ "do": "press", "digits": "12#" })).await;
    scene.news(SoundNews::Pressed(offhook_core::call::table::Key::parse('5').unwrap())).await;
    assert_eq!(scene.ann.event("call.digit").await["digit"], "5");
    assert_eq!(scene.ann(json!({ "do": "play", "clip": "welcome" })).await["table"]["playing"], "welcome");
    assert_eq!(scene.ann(json!({ "do": "stop_playing" })).await["table"]["playing"], Value::Null);
    for (wish, state) in [
        ("record", json!("recording")),
        ("pause_recording", json!("paused")),
        ("resume_recording", json!("recording")),
        ("stop_recording", Value::Null),
    ] {
        assert_eq!(scene.ann(json!({ "do": wish })).await["table"]["recording"]["state"], state, "{wish}");
    }
    assert_eq!(acked(scene.ann.command(scene.about("call.hold")).await)["held"], true);
    assert_eq!(acked(scene.ann.command(scene.about("call.resume")).await)["held"], false);
    assert!(scene.ann.command(scene.with_sound("call.attach")).await["sdp_answer"].is_string());
    scene.ann.events_so_far().await;
    assert!(scene.bob.events_so_far().await.is_empty(), "none of it is Bob's");

    let quality = LegQuality { loss_in: 0.25, codec: "opus".to_owned(), ..LegQuality::default() };
    scene.news(SoundNews::Quality(Voice::Agent(user(1)), quality)).await;
    let told = scene.ann.hear().await.unwrap();
    assert_eq!((&told["type"], &told["agent_id"]), (&json!("call.quality"), &json!(ANN)));
    assert_eq!(told["quality"]["loss_in"], 0.25);
    assert!(scene.bob.events_so_far().await.is_empty());
    scene.end().await;
}

#[tokio::test]
async fn what_makes_no_sense_or_is_not_theirs_is_refused_with_its_code() {
    let mut scene = Scene::begin().await;
    for (wish, code) in [
        (json!({ "do": "transfer", "to": { "agent": "bob" } }), "invalid_message"),
        (json!({ "do": "transfer", "to": { "queue": "sales" } }), "invalid_message"),
        (json!({ "do": "transfer", "to": { "agent": EVE } }), "not_available"),
        (json!({ "do": "transfer", "to": { "agent": ANN } }), "already_there"),
        (json!({ "do": "consult", "to": { "agent": ANN } }), "already_there"),
        (json!({ "do": "invite", "to": { "agent": EVE } }), "not_available"),
        (json!({ "do": "complete" }), "not_consulting"),
        (json!({ "do": "cancel" }), "not_consulting"),
        (json!({ "do": "merge" }), "not_consulting"),
        (json!({ "do": "remove", "agent_id": BOB }), "not_there"),
        (json!({ "do": "mute", "agent_id": EVE, "on": true }), "not_there"),
        (json!({ "do": "press", "digits": "" }), "invalid_message"),
        (json!({ "do": "press", "digits": "1".repeat(33) }), "invalid_message"),
        (json!({ "do": "press", "digits": "1x" }), "invalid_message"),
        (json!({ "do": "play", "clip": "../secret" }), "invalid_message"),
        (json!({ "do": "play", "clip": "unknown" }), "unknown_clip"),
        (json!({ "do": "pause_recording" }), "not_recording"),
        (json!({ "do": "stop_recording" }), "not_recording"),
        (json!({ "do": "dance" }), "invalid_message"),
    ] {
        let command = scene.arrange(wish.clone());
        let refused = scene.ann.command(command).await;
        assert_eq!((&refused["type"], &refused["error"]["code"]), (&json!("error"), &json!(code)), "{wish}");
    }
    acked(scene.ann.command(scene.arrange(json!({ "do": "record" }))).await);
    let refused = scene.ann.command(scene.arrange(json!({ "do": "record" }))).await;
    assert_eq!(refused["error"]["code"], "already_recording");
    assert_eq!(scene.ann.command(scene.about("call.leave")).await["error"]["code"], "last_one");
    // Bob is of the house, but not in the call; Eve is of another house.
    let mut eve = scene.rig.agent(scene.address, 5).await;
    for (command, code) in [
        (scene.arrange(json!({ "do": "park" })), "not_yours"),
        (scene.about("call.hold"), "not_yours"),
        (scene.about("call.resume"), "not_yours"),
        (scene.about("call.hangup"), "not_yours"),
        (scene.about("call.leave"), "not_there"),
        (scene.about("call.decline"), "not_ringing"),
        (scene.with_sound("call.attach"), "not_yours"),
        (scene.with_sound("call.accept"), "answered_elsewhere"),
        (scene.with_sound("call.retrieve"), "answered_elsewhere"),
    ] {
        assert_eq!(scene.bob.command(command.clone()).await["error"]["code"], code, "{command}");
        assert_eq!(eve.command(command.clone()).await["error"]["code"], "unknown_call", "{command}");
    }
    scene.end().await;
}

#[tokio::test]
async fn everybody_who_comes_back_finds_the_call_as_theirs_and_nobody_else_does() {
    let mut scene = Scene::begin().await;
    let seen = scene.ann.welcome["seq"].as_u64().unwrap();
    scene.ann(json!({ "do": "invite", "to": { "agent": BOB } })).await;
    scene.bob_takes().await;
    let listen = json!({ "type": "call.supervise", "call_id": scene.id, "how": "listen", "sdp": OFFER });
    acked(scene.olga.command(listen).await);
    for (who, role) in [(1, "owner"), (2, "member"), (4, "listener")] {
        let back = scene.rig.agent(scene.address, who).await;
        let calls = &back.welcome["snapshot"]["calls"];
        assert_eq!(calls[0]["call"]["id"], scene.id.as_str(), "{role}: {calls}");
        assert_eq!(calls[0]["call"]["table"]["parties"].as_array().unwrap().len(), 2);
        assert_eq!(back.welcome["snapshot"]["ringing"], json!([]));
    }
    assert_eq!(scene.rig.agent(scene.address, 5).await.welcome["snapshot"]["calls"], json!([]));

    // Ann transfers to Bob, who is there already; what she missed before does not bring the call back to her.
    scene.ann(json!({ "do": "transfer", "to": { "agent": BOB } })).await;
    scene.ann.event("call.left").await;
    let mut back = Agent::connect(scene.address, &scene.rig.ticket(1).await, Some(seen)).await;
    assert_eq!(back.welcome["snapshot"]["calls"], json!([]));
    let told = back.events_so_far().await;
    assert!(kinds(&told).iter().all(|kind| *kind != "call.changed"), "{told:?}");
    assert!(kinds(&told).contains(&"call.left"), "{told:?}");
    scene.end().await;
}
