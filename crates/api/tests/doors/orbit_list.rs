//! Listing calls over REST.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use offhook_core::call::State;
use offhook_core::house::{KeyMode, Role};
use serde_json::{Value, json};

use crate::rig::{META_ID, Rig, tenant};

const PATH: &str = "/api/v1/whatsapp/calling/calls";

/// So many inbound calls, one a second.
async fn ring(rig: &Rig, from: usize, to: usize) {
    for n in from..to {
        rig.rings(&format!("wacid.{n}")).await;
        crate::rig::eventually(|| (rig.memory.calls().len() == n + 1).then_some(()), "the call").await;
        rig.clock.advance(Duration::from_secs(1));
    }
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_row_tells_what_is_known_and_null_for_the_rest() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["calls:read"]).await;
    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    rig.clock.advance(Duration::from_secs(9));
    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    rig.until(State::Missed).await;
    let answer = rig.get(PATH, &key).await;
    assert_eq!(answer.status, StatusCode::OK);
    let mut body = answer.json();
    body["meta"]["request_id"] = json!("[request]");
    insta::assert_json_snapshot!("listed", body);
}

#[tokio::test]
async fn viewers_and_billing_see_masked_phones_and_no_id_with_a_phone_inside() {
    let rig = Rig::new().await;
    rig.rings("wacid.HBgMNDQ3NzAwOTAwMTIzFQ==").await;
    rig.until(State::Queued).await;
    for role in [Role::Viewer, Role::Billing] {
        let key = rig.key(role, &["calls:read"]).await;
        let answer = rig.get(PATH, &key).await;
        let row = &answer.json()["data"][0];
        assert_eq!((&row["from_phone"], &row["to_phone"]), (&json!("+44770090****"), &json!("+1555010****")));
        let told = row.to_string();
        assert!(!told.contains("0123") && !told.contains("HBgMNDQ3"), "{told}");
    }
    let owner = rig.key(Role::Developer, &["calls:read"]).await;
    assert_eq!(rig.get(PATH, &owner).await.json()["data"][0]["from_phone"], "+447700900123");
    let vera = rig.sign_in("vera@example.com").await;
    let seen = rig.page(Method::GET, PATH, &vera, &Value::Null).await;
    assert_eq!(seen.json()["data"][0]["from_phone"], "+44770090****");
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_calls_come_in() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["calls:read"]).await;
    ring(&rig, 0, 120).await;
    let all = ids(&rig.get(&format!("{PATH}?limit=200"), &key).await.json());
    assert_eq!(all.len(), 120);
    let mut seen = Vec::new();
    let mut path = format!("{PATH}?limit=7");
    for page in 0.. {
        let body = rig.get(&path, &key).await.json();
        seen.extend(ids(&body));
        ring(&rig, 120 + page * 2, 122 + page * 2).await;
        let pagination = &body["meta"]["pagination"];
        let Some(cursor) = pagination["cursor"].as_str() else {
            assert_eq!(pagination["has_more"], false);
            break;
        };
        assert_eq!(pagination["has_more"], true);
        path = format!("{PATH}?limit=7&cursor={cursor}");
    }
    assert_eq!(seen, all, "newest first, and what came later is not in them");
}

#[tokio::test]
async fn cursors_of_other_lists_tenants_and_days_are_refused() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let eve = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    ring(&rig, 0, 3).await;
    let body = rig.get(&format!("{PATH}?limit=1"), &key).await.json();
    let cursor = body["meta"]["pagination"]["cursor"].as_str().unwrap().to_owned();
    let refused = async |path: String, key: &str| {
        let answer = rig.get(&path, key).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::BAD_REQUEST, "INVALID_CURSOR"),
            "{path}"
        );
    };
    refused(format!("{PATH}?cursor={cursor}"), &eve).await;
    refused(format!("{PATH}?cursor={cursor}&direction=inbound"), &key).await;
    refused(format!("{PATH}?cursor={}x", &cursor[..cursor.len() - 1]), &key).await;
    refused(format!("{PATH}?cursor=cur_AAAA"), &key).await;
    assert_eq!(rig.get(&format!("{PATH}?cursor={cursor}"), &key).await.status, StatusCode::OK);
    rig.clock.advance(Duration::from_secs(24 * 60 * 60));
    refused(format!("{PATH}?cursor={cursor}"), &key).await;
}

#[tokio::test]
async fn filters_narrow_and_combine() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let outbound =
        json!({ "to": "+447700900123", "from_phone_number_id": META_ID, "sdp_offer": crate::rig::OFFER });
    rig.post(PATH, &key, &outbound).await;
    rig.clock.advance(Duration::from_secs(60));
    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    let count = async |query: &str| {
        let answer = rig.get(&format!("{PATH}?{query}"), &key).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text);
        ids(&answer.json()).len()
    };
    for (query, expected) in [
        ("", 2),
        ("status=ringing", 1),
        ("status=queued", 1),
        ("status=queued,ringing", 2),
        ("status=completed,failed,missed,in_progress", 0),
        ("direction=inbound", 1),
        ("direction=outbound&status=queued", 0),
        ("phone_number_id=106540352242922", 2),
        ("phone_number_id=206540352242922", 0),
        ("waba_id=102290129340391", 2),
        ("waba_id=1", 0),
        ("start=2026-11-02T09:15:30Z", 1),
        ("end=2026-11-02T09:16:00Z", 1),
        ("start=2026-11-02&end=2026-11-03", 2),
        ("start=2026-11-03", 0),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    for query in ["status=ended", "direction=up", "start=soon", "limit=0", "limit=-3", "limit=%FF", "q=%20"] {
        let answer = rig.get(&format!("{PATH}?{query}"), &key).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "VALIDATION_ERROR"), "{query}");
    }
}

#[tokio::test]
async fn a_call_that_is_ending_is_listed_under_the_word_it_wears() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let outbound =
        json!({ "to": "+447700900123", "from_phone_number_id": META_ID, "sdp_offer": crate::rig::OFFER });
    let id = rig.post(PATH, &key, &outbound).await.json()["data"]["id"].as_str().unwrap().to_owned();
    rig.post(&format!("{PATH}/{id}/terminate"), &key, &json!({})).await;
    rig.until(State::Ending).await;
    let ringing = rig.get(&format!("{PATH}?status=ringing"), &key).await.json();
    assert_eq!((ids(&ringing), &ringing["data"][0]["status"]), (vec![id], &json!("ringing")));
    assert!(ids(&rig.get(&format!("{PATH}?status=in_progress"), &key).await.json()).is_empty());
}

#[tokio::test]
async fn tenants_never_see_each_others_calls() {
    let rig = Rig::new().await;
    let (key, eve) =
        (rig.key(Role::Owner, &["*"]).await, rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await);
    rig.rings("wacid.A").await;
    let call = rig.until(State::Queued).await;
    assert!(ids(&rig.get(PATH, &eve).await.json()).is_empty());
    for id in [call.id.as_str(), "wacid.A", "wac_ffffffffffffffffffffffffffffffff", "x", "%FF%FE"] {
        let foreign = rig.get(&format!("{PATH}/{id}"), &eve).await;
        assert_eq!((foreign.status, foreign.code().as_str()), (StatusCode::NOT_FOUND, "NOT_FOUND"), "{id}");
        let ended = rig.post(&format!("{PATH}/{id}/terminate"), &eve, &json!({})).await;
        assert_eq!(ended.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(rig.get(&format!("{PATH}/wacid.A"), &key).await.status, StatusCode::OK);
    assert!(rig.asker.actions().is_empty());
}
