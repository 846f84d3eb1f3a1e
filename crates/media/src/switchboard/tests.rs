//! Legs that come too late, twice, or while the call goes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use offhook_core::call::Hears;
use offhook_core::id::TenantId;
use offhook_core::recording::{Consent, ConsentMode};
use tokio::task::JoinSet;

use super::*;
use crate::plane::PlaneConfig;

fn alice() -> UserId {
    UserId::parse("usr_00000000000000000000000000000001").unwrap()
}

fn call() -> CallId {
    CallId::parse("wac_00000000000000000000000000000001").unwrap()
}

fn with_alice() -> Scene {
    let (customer, alice) = (Voice::Customer, Voice::Agent(alice()));
    let hears = |voice: &Voice| Hears::Voices(BTreeSet::from([voice.clone()]));
    let scene = [(customer.clone(), hears(&alice)), (alice, hears(&customer))];
    Scene { hears: BTreeMap::from(scene), ..Scene::default() }
}

/// The same, while the customer waits with music.
fn on_hold() -> Scene {
    let mut scene = with_alice();
    scene.hears.insert(Voice::Customer, Hears::Music);
    scene
}

/// What a page offers.
fn offer() -> Sdp {
    let fingerprint = ["AB"; 32].join(":");
    let lines = [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 126",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:page",
        "a=ice-pwd:pagepagepagepagepagepage",
        &format!("a=fingerprint:sha-256 {fingerprint}"),
        "a=setup:actpass",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:126 telephone-event/8000",
    ];
    Sdp::new(lines.map(|line| format!("{line}\r\n")).concat())
}

fn board() -> (Arc<Switchboard>, JoinSet<()>) {
    let (board, tasks, _) = recorded();
    (board, tasks)
}

/// The same, and what whoever records is ordered.
fn recorded() -> (Arc<Switchboard>, JoinSet<()>, mpsc::Receiver<RecordOrder>) {
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let (plane, notices) = Plane::start(PlaneConfig::new(listen)).unwrap();
    let Carried { board, listen, orders, .. } = Switchboard::carry(plane, notices, BoardConfig::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(listen);
    (board, tasks, orders)
}

/// Everything ordered so far, in words.
fn ordered(orders: &mut mpsc::Receiver<RecordOrder>) -> String {
    let mut words = Vec::new();
    while let Ok(order) = orders.try_recv() {
        words.push(match order {
            RecordOrder::Start { .. } => "start",
            RecordOrder::Join { voice: Voice::Customer, .. } => "customer",
            RecordOrder::Join { voice: Voice::Agent(_), .. } => "alice",
            RecordOrder::Pause { on: true, .. } => "pause",
            RecordOrder::Pause { on: false, .. } => "go on",
            RecordOrder::Stop { .. } => "stop",
        });
    }
    words.join(", ")
}

fn record(board: &Switchboard, recording: Option<(u8, bool)>) {
    let ask = recording.map(|(n, paused)| RecordAsk {
        id: RecordingId::parse(&format!("rec_{n:032x}")).unwrap(),
        tenant: TenantId::parse("ten_00000000000000000000000000000001").unwrap(),
        paused,
        consent: Consent { mode: ConsentMode::None, announced_at: None, announced_until: None },
    });
    board.ask(&call(), SoundAsk::Record(ask));
}

#[tokio::test]
async fn recording_hears_everybody_who_comes_and_comes_back_and_is_stopped_once() {
    let (board, _tasks, mut orders) = recorded();
    talking(&board);
    board.attach(&call(), &alice(), &offer()).await.unwrap();
    assert_eq!(ordered(&mut orders), "", "nobody asked for a recording");
    record(&board, Some((1, false)));
    assert_eq!(ordered(&mut orders), "start, customer, alice");
    record(&board, Some((1, true)));
    // Her page is reloaded in the pause.
    board.attach(&call(), &alice(), &offer()).await.unwrap();
    record(&board, Some((1, false)));
    assert_eq!(ordered(&mut orders), "pause, alice, go on");
    record(&board, None);
    board.attach(&call(), &alice(), &offer()).await.unwrap();
    assert_eq!(ordered(&mut orders), "stop");
    record(&board, Some((2, true)));
    assert_eq!(ordered(&mut orders), "start, pause, customer, alice");
    board.ask(&call(), SoundAsk::Close);
    board.ask(&call(), SoundAsk::Close);
    assert_eq!(ordered(&mut orders), "stop");
}

#[tokio::test]
async fn what_is_said_while_the_customer_waits_is_not_recorded() {
    let (board, _tasks, mut orders) = recorded();
    talking(&board);
    board.attach(&call(), &alice(), &offer()).await.unwrap();
    record(&board, Some((1, false)));
    assert_eq!(ordered(&mut orders), "start, customer, alice");
    board.ask(&call(), SoundAsk::Scene(on_hold()));
    assert!(board.lock().calls[&call()].recording.as_ref().unwrap().tapped.is_empty());
    assert_eq!(ordered(&mut orders), "");
    board.ask(&call(), SoundAsk::Scene(with_alice()));
    assert_eq!(ordered(&mut orders), "customer, alice");
}

/// A call of alice's whose customer's leg is being set up.
fn talking(board: &Switchboard) {
    board.ask(&call(), SoundAsk::OfferCustomer);
    board.ask(&call(), SoundAsk::Scene(with_alice()));
}

#[tokio::test]
async fn who_has_no_place_at_the_call_gets_no_leg() {
    let (board, _tasks) = board();
    assert!(board.attach(&call(), &alice(), &offer()).await.is_err(), "there is no call");
    talking(&board);
    board.attach(&call(), &alice(), &offer()).await.unwrap();
    // They are transferred away just as their page comes back.
    board.ask(&call(), SoundAsk::Scene(Scene::default()));
    assert!(board.attach(&call(), &alice(), &offer()).await.is_err());
    board.ask(&call(), SoundAsk::Close);
    assert!(board.attach(&call(), &alice(), &offer()).await.is_err(), "the call is over");
    let wires = board.lock();
    assert!(wires.calls.is_empty() && wires.legs.is_empty() && wires.waiting.is_empty());
}

#[tokio::test]
async fn of_two_pages_that_attach_at_once_the_later_is_answered_and_the_earlier_told() {
    let (board, _tasks) = board();
    talking(&board);
    let (alice, offer) = (alice(), offer());
    let id = call();
    let (first, second) = tokio::join!(board.attach(&id, &alice, &offer), board.attach(&id, &alice, &offer));
    assert!(matches!(first, Err(SoundFault::BadOffer(_))), "{first:?}");
    second.unwrap();
    assert!(board.lock().waiting.is_empty());
}

#[tokio::test]
async fn call_that_closes_tells_whoever_is_attaching() {
    let (board, _tasks) = board();
    talking(&board);
    let (alice, offer, id) = (alice(), offer(), call());
    let close = async { board.ask(&id, SoundAsk::Close) };
    let (attached, ()) = tokio::join!(board.attach(&id, &alice, &offer), close);
    assert!(matches!(attached, Err(SoundFault::BadOffer(_))), "{attached:?}");
    assert!(board.lock().waiting.is_empty());
}

#[tokio::test]
async fn attaching_that_is_given_up_leaves_nothing_behind() {
    let (board, _tasks) = board();
    talking(&board);
    {
        let (alice, offer, id) = (alice(), offer(), call());
        tokio::select! {
            biased;
            attached = board.attach(&id, &alice, &offer) => panic!("{attached:?}"),
            () = std::future::ready(()) => assert_eq!(board.lock().waiting.len(), 1),
        }
    }
    board.ask(&call(), SoundAsk::Close);
    assert!(board.lock().waiting.is_empty());
}

#[tokio::test]
async fn another_path_is_found_for_the_leg_of_the_page_that_asks_and_for_no_other() {
    let (board, _tasks) = board();
    talking(&board);
    assert_eq!(board.restart(&call(), &alice(), &offer()).await, Err(SoundFault::NoLeg), "she has none yet");
    let first = board.attach(&call(), &alice(), &offer()).await.unwrap();
    let leg = board.lock().calls[&call()].leg(&Voice::Agent(alice()));
    let anew = |from: &str, to: &str| Sdp::new(offer().as_str().replace(from, to));
    let ufrag = |sdp: &Sdp| {
        sdp.as_str().lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap().to_owned()
    };
    let second = board.restart(&call(), &alice(), &anew("ufrag:page", "ufrag:anew")).await.unwrap();
    assert_ne!(ufrag(&first), ufrag(&second), "other credentials");
    assert_eq!(board.lock().calls[&call()].leg(&Voice::Agent(alice())), leg, "the same leg");
    for other in [offer(), anew("AB:AB", "CD:CD"), Sdp::new("v=0")] {
        assert_eq!(board.restart(&call(), &alice(), &other).await, Err(SoundFault::NoLeg));
    }
    assert!(board.lock().waiting.is_empty());
    // Whoever has no leg may say where they are, and nothing comes of it.
    let stray =
        IceCandidate { ufrag: "anew".into(), line: "candidate:1 1 udp 1 192.0.2.1 4000 typ host".into() };
    board.trickle(&call(), &UserId::parse("usr_00000000000000000000000000000002").unwrap(), stray.clone());
    board.trickle(&call(), &alice(), stray);
    assert_eq!(board.totals().0.legs_broken, 0);
}
