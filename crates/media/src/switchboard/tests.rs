//! Legs that come too late, twice, or while the call goes.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use offhook_core::call::Hears;
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
    let hears = [Voice::Customer, Voice::Agent(alice())].map(|voice| (voice, Hears::Comfort));
    Scene { hears: BTreeMap::from(hears), ..Scene::default() }
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
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let (plane, notices) = Plane::start(PlaneConfig::new(listen)).unwrap();
    let Carried { board, listen, .. } = Switchboard::carry(plane, notices, BoardConfig::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(listen);
    (board, tasks)
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
