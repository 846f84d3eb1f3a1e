//! Searching calls over REST, and taking them away as a file.

use axum::http::StatusCode;
use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::CallId;
use offhook_core::meta::{Direction, Party};
use offhook_core::phone::Phone;
use serde_json::{Value, json};

use crate::rig::{Rig, finished, tenant};

const PATH: &str = "/api/v1/whatsapp/calling/calls";

/// A call with a user of this name and number.
fn with(n: u8, name: &str, phone: &str, conversation: Option<&str>) -> CallRecord {
    let mut call = finished(n, State::Missed, EndReason::CallerAbandoned);
    call.facts.party =
        Party { phone: Some(Phone::parse(phone).unwrap()), name: Some(name.to_owned()), ..Party::default() };
    call.conversation_id = conversation.map(str::to_owned);
    call
}

async fn house() -> Rig {
    let rig = Rig::new().await;
    rig.remember(with(1, "Rui Faria", "+351910000002", Some("conv_33"))).await;
    rig.remember(with(2, "MARÍA 🙂", "+447700900123", None)).await;
    rig.remember(with(3, "+351 910 000 003", "+351910000003", Some("ring 351910000003"))).await;
    let mut theirs = with(4, "Rui Faria", "+351910000002", Some("conv_33"));
    theirs.tenant = tenant(2);
    rig.remember(theirs).await;
    rig
}

fn names(body: &Value) -> Vec<&str> {
    body["data"].as_array().unwrap().iter().map(|row| row["contact_name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_search_finds_names_conversations_and_numbers() {
    let rig = house().await;
    let key = rig.key(Role::Owner, &["calls:read"]).await;
    for (q, expected) in [
        ("rui", vec!["Rui Faria"]),
        ("i%20FAR", vec!["Rui Faria"]),
        ("mar%C3%ADa", vec!["MARÍA 🙂"]),
        ("%F0%9F%99%82", vec!["MARÍA 🙂"]),
        ("v_3", vec!["Rui Faria"]),
        ("%2B351%20910-0000", vec!["+351 910 000 003", "Rui Faria"]),
        ("900123", vec!["MARÍA 🙂"]),
        ("3", vec!["+351 910 000 003", "MARÍA 🙂", "Rui Faria"]),
        ("%25", vec![]),
        ("_____", vec![]),
        ("'%20OR%201=1", vec![]),
    ] {
        let answer = rig.get(&format!("{PATH}?q={q}"), &key).await;
        assert_eq!(answer.status, StatusCode::OK, "{q}: {}", answer.text);
        assert_eq!(names(&answer.json()), expected, "{q}");
    }
    for q in ["%20", &"a".repeat(101)] {
        let answer = rig.get(&format!("{PATH}?q={q}"), &key).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"]["details"]["field"].clone()),
            (422, json!("q"))
        );
    }
}

#[tokio::test]
async fn those_who_see_numbers_masked_cannot_find_them_by_guessing() {
    let rig = house().await;
    for role in [Role::Viewer, Role::Billing] {
        let key = rig.key(role, &["calls:read"]).await;
        for q in ["351910000002", "910000003", "0000002", "0003", "%2B351%20910%20000%20003", "ring"] {
            let answer = rig.get(&format!("{PATH}?q={q}"), &key).await;
            assert!(answer.json()["data"].as_array().unwrap().is_empty(), "{role:?} {q}: {}", answer.text);
        }
        let answer = rig.get(&format!("{PATH}?q=rui"), &key).await;
        assert_eq!(names(&answer.json()), ["Rui Faria"]);
        let everything =
            rig.get(PATH, &key).await.text + &rig.get(&format!("{PATH}/export"), &key).await.text;
        for canary in ["10000002", "10000003", "10 000 003", "900123"] {
            assert!(!everything.contains(canary), "{role:?} {canary}: {everything}");
        }
        assert!(everything.contains("+35191000****"), "{everything}");
    }
}

#[tokio::test]
async fn a_search_goes_on_by_cursor_and_its_cursor_fits_no_other() {
    let rig = house().await;
    let key = rig.key(Role::Owner, &["calls:read"]).await;
    let first = rig.get(&format!("{PATH}?q=3519&limit=1"), &key).await.json();
    let cursor = first["meta"]["pagination"]["cursor"].as_str().unwrap();
    let second = rig.get(&format!("{PATH}?q=3519&limit=1&cursor={cursor}"), &key).await.json();
    assert_eq!((names(&first), names(&second)), (vec!["+351 910 000 003"], vec!["Rui Faria"]));
    assert_eq!(second["meta"]["pagination"], json!({ "cursor": null, "has_more": false, "total": null }));
    let other = rig.get(&format!("{PATH}?q=351&cursor={cursor}"), &key).await;
    assert_eq!(other.code(), "INVALID_CURSOR");
}

#[tokio::test]
async fn an_export_is_the_whole_list_with_its_filters() {
    let rig = Rig::new().await;
    for n in 0..=250 {
        rig.remember(with(n, "=HYPERLINK(\"http://x\")", "+351910000002", Some("a,\"b\"\nc"))).await;
    }
    let key = rig.key(Role::Admin, &["calls:read"]).await;
    let answer = rig.get(&format!("{PATH}/export?status=missed"), &key).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/csv; charset=utf-8"));
    assert_eq!(answer.header("x-ratelimit-limit"), "6");
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 251);
    let starts: Vec<&str> = rows.iter().map(|row| &row[14]).collect();
    assert!(starts.is_sorted_by(|a, b| a >= b), "newest first");
    assert_eq!((&rows[0][7], &rows[0][10]), ("'+351910000002", "'=HYPERLINK(\"http://x\")"));
    assert_eq!(&rows[0][11], "a,\"b\"\nc");
    let dangerous = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    assert!(!rows.iter().flatten().any(dangerous));

    let whole = rig.get(&format!("{PATH}/export?format=json"), &key).await.json();
    assert_eq!(whole.as_array().unwrap().len(), 251);
    assert_eq!(
        whole[250],
        rig.get(&format!("{PATH}?limit=200&end=2026-11-02T09:00:01Z"), &key).await.json()["data"][0]
    );
    let none = rig.get(&format!("{PATH}/export?format=json&status=failed"), &key).await;
    assert_eq!(none.json(), json!([]));
    for query in ["format=xml", "cursor=cur_x", "limit=3", "status=ended"] {
        let answer = rig.get(&format!("{PATH}/export?{query}"), &key).await;
        assert_eq!(answer.status.as_u16(), if query == "status=ended" { 429 } else { 422 }, "{query}");
    }
}

#[tokio::test]
async fn agents_take_no_lists_away() {
    let rig = house().await;
    let export = format!("{PATH}/export");
    let agent = rig.get(&export, &rig.key(Role::Agent, &["*"]).await).await;
    assert_eq!((agent.status, agent.code().as_str()), (StatusCode::FORBIDDEN, "INSUFFICIENT_PERMISSIONS"));
    let eve = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    let theirs = rig.get(&format!("{export}?format=json"), &eve).await.json();
    assert_eq!(theirs[0]["id"], finished(4, State::Missed, EndReason::CallerAbandoned).id.as_str());
    assert_eq!(theirs.as_array().unwrap().len(), 1);
    let id = CallId::parse(theirs[0]["id"].as_str().unwrap()).unwrap();
    assert!(rig.memory.calls().iter().any(|call| call.id == id && call.direction == Direction::Inbound));
}
