//! `Idempotency-Key`: one call, whoever repeats the request, whenever, and whatever happened in between.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use futures_util::future::join_all;
use offhook_core::call::{Fault, State};
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::CallId;
use offhook_core::meta::MetaError;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::rig::{Answered, META_ID, OFFER, Rig, eventually, tenant};

const PATH: &str = "/api/v1/whatsapp/calling/calls";

/// Each name is for a user of its own: of two calls with one user at the same time one is refused.
fn wanted(name: &str) -> Value {
    let user = format!("+4477009{:05}", name.bytes().map(u32::from).sum::<u32>());
    json!({ "to": user, "from_phone_number_id": META_ID, "sdp_offer": OFFER })
}

/// The newest call ends before it is answered.
async fn ends(rig: &Rig, wacid: &str) {
    rig.terminates(wacid, "BUSINESS_INITIATED", None).await;
    let over = || rig.memory.calls().pop().filter(|call| call.state.is_over()).map(drop);
    eventually(over, "the call's end").await;
}

async fn ask(rig: &Rig, method: Method, path: &str, key: &str, name: &str, body: &str) -> Answered {
    let request = Request::builder().method(method).uri(path).header("x-api-key", key);
    let request = request.header("content-type", "application/json").header("idempotency-key", name);
    rig.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn place(rig: &Rig, key: &str, name: &str) -> Answered {
    ask(rig, Method::POST, PATH, key, name, &wanted(name).to_string()).await
}

fn is_refused(answer: &Answered, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.text);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_no_second_call() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let first = place(&rig, &key, "one").await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (StatusCode::CREATED, ""));
    // A request that names itself is a request as any other: it has its id, inside and outside.
    assert!(first.header("x-request-id").starts_with("req_"), "{:?}", first.headers);
    assert_eq!(first.json()["meta"]["request_id"], first.header("x-request-id"));
    for path in [PATH, "/v1/whatsapp/calling/calls/"] {
        let again = ask(&rig, Method::POST, path, &key, "one", &wanted("one").to_string()).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("x-request-id"), first.json()["meta"]["request_id"].as_str().unwrap());
        assert_eq!(again.header("content-type"), "application/json");
        assert_ne!(again.header("x-ratelimit-remaining"), "");
    }
    assert_eq!(rig.asker.actions(), ["connect"]);
    ends(&rig, "wacid.PLACED1==").await;
    rig.clock.advance(Duration::from_secs(24 * 60 * 60));
    let anew = place(&rig, &key, "one").await;
    assert_eq!(anew.header("idempotent-replayed"), "", "a day later it is a new one: {}", anew.text);
    assert_eq!(anew.status, StatusCode::CREATED, "{}", anew.text);
    assert_eq!(rig.asker.actions(), ["connect", "connect"]);
}

#[tokio::test]
async fn fifty_at_once_place_one_call() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let answers = join_all((0..50).map(|_| place(&rig, &key, "one"))).await;
    let created = answers.iter().filter(|answer| answer.status == StatusCode::CREATED);
    let mut ids: Vec<String> = created.map(|answer| answer.json()["data"]["id"].to_string()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != StatusCode::CREATED) {
        is_refused(answer, 409, "IDEMPOTENCY_REQUEST_RUNNING");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!((rig.asker.actions(), rig.memory.calls().len()), (vec!["connect"], 1));
    assert_eq!(place(&rig, &key, "one").await.json()["data"]["id"].to_string(), ids[0]);
}

#[tokio::test]
async fn a_name_is_for_one_request_of_one_asker() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    assert_eq!(place(&rig, &key, "one").await.status, StatusCode::CREATED);
    let mut other = wanted("one");
    other["conversation_id"] = json!("conv_33");
    let reused = ask(&rig, Method::POST, PATH, &key, "one", &other.to_string()).await;
    is_refused(&reused, 409, "IDEMPOTENCY_KEY_REUSED");
    let viewer = rig.key(Role::Viewer, &["*"]).await;
    is_refused(&place(&rig, &viewer, "one").await, 409, "IDEMPOTENCY_KEY_REUSED");
    let theirs = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    is_refused(&place(&rig, &theirs, "one").await, 404, "WHATSAPP_CALLING_CONNECTION_NOT_FOUND");
    is_refused(&place(&rig, "wab_live_sk_unknown", "one").await, 401, "INVALID_API_KEY");
    assert_eq!(rig.asker.actions(), ["connect"]);
}

#[tokio::test]
async fn refusals_are_kept_and_failures_are_not() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let check = async |name: &str, code: i64, status: u16, again: (u16, bool)| {
        let (then, kept) = again;
        rig.asker.prepare(Err(Fault::Refused(MetaError { code, message: "no".into() })));
        assert_eq!(place(&rig, &key, name).await.status.as_u16(), status);
        let again = place(&rig, &key, name).await;
        assert_eq!(again.header("idempotent-replayed") == "true", kept, "{code}: {}", again.text);
        assert_eq!(again.status.as_u16(), then, "{code}: {}", again.text);
    };
    check("permission", 138_006, 422, (422, true)).await;
    // WhatsApp's limit is remembered, and looked at anew.
    check("limit", 138_012, 429, (429, false)).await;
    check("failure", 131_000, 502, (201, false)).await;
    let wrong = ask(&rig, Method::POST, PATH, &key, "wrong", "{}").await;
    is_refused(&wrong, 422, "MISSING_REQUIRED_FIELD");
    assert_eq!(ask(&rig, Method::POST, PATH, &key, "wrong", "{}").await.text, wrong.text);
}

#[tokio::test]
async fn after_a_crash_the_call_is_told_of_and_not_placed_again() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let first = place(&rig, &key, "one").await.json();
    rig.claims.crash();
    let again = place(&rig, &key, "one").await;
    assert_eq!((again.status, &again.json()["data"]), (StatusCode::CREATED, &first["data"]));
    assert_eq!(place(&rig, &key, "one").await.header("idempotent-replayed"), "true");
    assert_eq!(rig.asker.actions(), ["connect"]);

    // It died before the call was written: nobody was dialled, and somebody is now, once the claim is given up.
    place(&rig, &key, "two").await;
    ends(&rig, "wacid.PLACED2==").await;
    rig.claims.crash_before(&CallId::from_uuid(uuid::Uuid::max()));
    is_refused(&place(&rig, &key, "two").await, 409, "IDEMPOTENCY_REQUEST_RUNNING");
    rig.clock.advance(Duration::from_secs(61));
    assert_eq!(place(&rig, &key, "two").await.status, StatusCode::CREATED);
    assert_eq!(rig.asker.actions(), ["connect"; 3]);
}

#[tokio::test]
async fn a_call_whose_answer_failed_is_told_of_at_the_next_try() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let first = place(&rig, &key, "one").await;
    rig.claims.set_broken(true);
    is_refused(&place(&rig, &key, "two").await, 503, "SERVICE_UNAVAILABLE");
    rig.claims.set_broken(false);
    assert_eq!(place(&rig, &key, "one").await.text, first.text);
    assert_eq!(rig.asker.actions(), ["connect"], "nothing is dialled that could not be claimed");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_finds_the_answer_when_it_comes_back() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    // The answer waits for WhatsApp's verdict, which does not come.
    rig.asker.prepare(Err(Fault::Unclear));
    let gone = tokio::time::timeout(Duration::from_secs(1), place(&rig, &key, "one")).await;
    assert!(gone.is_err(), "it went away while it waited");
    is_refused(&place(&rig, &key, "one").await, 409, "IDEMPOTENCY_REQUEST_RUNNING");
    tokio::time::advance(Duration::from_secs(12)).await;
    let mut back = place(&rig, &key, "one").await;
    while back.status == StatusCode::CONFLICT {
        tokio::task::yield_now().await;
        back = place(&rig, &key, "one").await;
    }
    assert_eq!((back.status, back.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
    assert_eq!(
        (back.json()["data"]["status"].as_str(), rig.asker.actions()),
        (Some("queued"), vec!["connect"])
    );
}

#[tokio::test]
async fn what_cannot_be_repeated_safely_is_told_as_unknown_after_a_crash() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    rig.rings("wacid.A").await;
    let call = rig.until(State::Queued).await;
    let path = format!("{PATH}/{}/reject", call.id);
    assert_eq!(ask(&rig, Method::POST, &path, &key, "one", "{}").await.status, StatusCode::OK);
    let number = format!("/api/v1/whatsapp/calling/numbers/{META_ID}");
    let mode = json!({ "media_mode": "bridge" }).to_string();
    assert_eq!(ask(&rig, Method::PATCH, &number, &key, "one", &mode).await.status, StatusCode::OK);
    rig.claims.crash();
    rig.clock.advance(Duration::from_secs(61));
    let again = ask(&rig, Method::POST, &path, &key, "one", "{}").await;
    is_refused(&again, 409, "IDEMPOTENCY_OUTCOME_UNKNOWN");
    assert_eq!(ask(&rig, Method::PATCH, &number, &key, "one", &mode).await.status, StatusCode::OK);
}

#[derive(Debug, Clone)]
enum Step {
    /// Somebody asks under one of two names.
    Ask(bool),
    /// The process dies, with its answers kept or before it could keep any.
    Crash(bool),
    /// So many seconds pass.
    Pass(u64),
    /// WhatsApp fails at its next call.
    Fail,
    /// Claims cannot be written, or can again.
    Break(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<bool>().prop_map(Step::Ask),
        2 => any::<bool>().prop_map(Step::Crash),
        1 => (0_u64..200).prop_map(Step::Pass),
        1 => Just(Step::Fail),
        1 => any::<bool>().prop_map(Step::Break),
    ]
}

/// Whatever happens in between, one name has one call, and nobody is dialled whose call was not told of.
async fn one_name_has_one_call(steps: Vec<Step>) {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let (mut placed, mut failed) = (BTreeMap::new(), 0);
    for step in &steps {
        match step {
            Step::Ask(name) => {
                let answer = place(&rig, &key, if *name { "one" } else { "two" }).await;
                match answer.status.as_u16() {
                    201 => {
                        let id = answer.json()["data"]["id"].to_string();
                        assert_eq!(placed.entry(*name).or_insert(id.clone()), &id, "{steps:?}");
                    }
                    502 => failed += 1,
                    409 | 503 => {}
                    _ => panic!("{steps:?}: {}", answer.text),
                }
            }
            Step::Crash(true) => rig.claims.crash_running(),
            Step::Crash(false) => rig.claims.crash(),
            Step::Pass(seconds) => rig.clock.advance(Duration::from_secs(*seconds)),
            Step::Fail => {
                rig.asker.prepare(Err(Fault::Refused(MetaError { code: 131_000, message: "no".into() })));
            }
            Step::Break(broken) => rig.claims.set_broken(*broken),
        }
    }
    let dialled = rig.asker.actions().len();
    assert!(dialled <= placed.len() + failed, "{dialled} calls: {steps:?}");
}

#[test]
fn one_name_has_one_call_whatever_happens_in_between() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let steps = proptest::collection::vec(step(), 1..14);
    let run = |steps| {
        runtime.block_on(one_name_has_one_call(steps));
        Ok(())
    };
    runner.run(&steps, run).unwrap();
}

#[tokio::test]
async fn strange_names_are_refused() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    for name in ["", &"k".repeat(256), "caf\u{e9}"] {
        is_refused(&place(&rig, &key, name).await, 422, "VALIDATION_ERROR");
    }
    let reading = Request::get(PATH).header("x-api-key", &key).header("idempotency-key", "one");
    let reading = rig.send(reading.body(Body::empty()).unwrap()).await;
    assert_eq!(reading.status, StatusCode::OK, "reading needs no name");
    assert!(rig.claims.all().is_empty());
}
