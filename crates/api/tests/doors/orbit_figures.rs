//! Analytics, costs and estimates over REST.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use offhook_core::bill::{Currency, Destination, Price, Rate, Rates, Row};
use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::house::{KeyMode, Role};
use offhook_core::meta::Direction;
use offhook_core::time::Time;
use serde_json::{Value, json};

use crate::rig::{META_ID, OFFER, Rig, USER, finished, tenant};

const PATH: &str = "/api/v1/whatsapp/calling/analytics";
const ESTIMATE: &str = "/api/v1/whatsapp/calling/estimate";

fn rates() -> Arc<Rates> {
    let row = |to: &str, per_minute: &str, per_pulse: Option<&str>| Row {
        destination: Destination::parse(to).unwrap(),
        direction: Direction::Outbound,
        from: Time::from_secs(0),
        rate: Rate {
            currency: Currency::parse("USD").unwrap(),
            per_minute: Price::parse(per_minute).unwrap(),
            per_pulse: per_pulse.map(|text| Price::parse(text).unwrap()),
        },
    };
    Arc::new(Rates::of([row("44", "0.0205", None), row("PT", "0.0412", Some("0.001"))]).unwrap())
}

async fn priced() -> Rig {
    Rig::configured(|config| config.prices = rates()).await
}

/// A call of that day and time, answered for so many seconds when it was.
fn at(n: u8, when: &str, direction: Direction, state: State, talked: Option<u32>) -> CallRecord {
    let mut call = finished(n, state, EndReason::RemoteHangup);
    let when: jiff::Timestamp = when.parse().unwrap();
    call.created_at = Time::from_micros(when.as_microsecond());
    call.direction = direction;
    if let Some(end) = call.facts.terminate.as_mut() {
        end.duration_secs = talked;
        end.started_at = talked.map(|_| call.created_at);
        end.ended_at = Some(call.created_at + Duration::from_secs(u64::from(talked.unwrap_or(0))));
    }
    let billed = offhook_core::bill::Billed {
        direction,
        user: call.facts.party.phone.as_ref(),
        at: call.created_at,
        talked_secs: talked,
    };
    call.facts.bill = state.is_over().then(|| rates().bill(&billed, None));
    call
}

async fn week(rig: &Rig) {
    use Direction::{Inbound, Outbound};
    for call in [
        at(1, "2026-11-02T09:00:00Z", Outbound, State::Completed, Some(122)),
        at(2, "2026-11-02T00:10:00Z", Inbound, State::Completed, Some(20)),
        at(3, "2026-11-01T23:50:00Z", Inbound, State::Missed, None),
        at(4, "2026-10-31T12:00:00Z", Outbound, State::Rejected, None),
        at(5, "2026-10-27T00:00:00Z", Outbound, State::Failed, None),
        at(6, "2026-10-26T23:59:59Z", Outbound, State::Completed, Some(600)),
        at(7, "2026-11-02T09:10:00Z", Inbound, State::Ringing, None),
    ] {
        rig.remember(call).await;
    }
}

#[tokio::test]
async fn a_week_has_every_day_and_every_figure() {
    let rig = priced().await;
    week(&rig).await;
    let key = rig.key(Role::Owner, &["calls:read"]).await;
    let answer = rig.get(&format!("{PATH}?days=7"), &key).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let mut body = answer.json();
    body["meta"]["request_id"] = json!("[request]");
    insta::assert_json_snapshot!("analytics", body);
}

#[tokio::test]
async fn days_are_those_of_the_place_also_when_clocks_change() {
    let rig = priced().await;
    week(&rig).await;
    let key = rig.key(Role::Owner, &["calls:read"]).await;
    let days = async |query: &str| {
        let body = rig.get(&format!("{PATH}?{query}"), &key).await.json();
        let trend = body["data"]["trend"].as_array().unwrap().clone();
        trend
            .iter()
            .map(|day| (day["date"].as_str().unwrap().to_owned(), day["total"].as_i64().unwrap()))
            .collect::<Vec<_>>()
    };
    let named = |days: &[(&str, i64)]| -> Vec<(String, i64)> {
        days.iter().map(|(date, total)| ((*date).to_owned(), *total)).collect()
    };
    assert_eq!(days("days=2").await, named(&[("2026-11-01", 1), ("2026-11-02", 3)]));
    assert_eq!(days("days=2&timezone=Europe/Madrid").await, named(&[("2026-11-01", 0), ("2026-11-02", 4)]));
    // New York turns its clocks back on the first of November.
    assert_eq!(
        days("days=3&timezone=America/New_York").await,
        named(&[("2026-10-31", 1), ("2026-11-01", 2), ("2026-11-02", 2)])
    );
    assert_eq!(days("").await.len(), 30);
    assert_eq!(days("days=365").await.len(), 365);
    for wrong in ["days=0", "days=366", "days=-1", "days=ten", "timezone=Mars/Base", "days=7&days=8"] {
        let answer = rig.get(&format!("{PATH}?{wrong}"), &key).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "VALIDATION_ERROR"), "{wrong}");
    }
}

#[tokio::test]
async fn figures_are_of_the_numbers_asked_for_and_of_ones_own_company() {
    let rig = priced().await;
    week(&rig).await;
    let key = rig.key(Role::Owner, &["calls:read"]).await;
    let eve = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    let total = async |key: &str, query: &str| {
        rig.get(&format!("{PATH}?{query}"), key).await.json()["data"]["total"].as_i64().unwrap()
    };
    assert_eq!(total(&key, &format!("phone_number_id={META_ID}")).await, 7);
    assert_eq!(total(&key, "waba_id=102290129340391").await, 7);
    assert_eq!(total(&key, "waba_id=102290129340392").await, 0, "another company's");
    assert_eq!(total(&key, "phone_number_id=1").await, 0);
    assert_eq!(total(&eve, "").await, 0);
}

#[tokio::test]
async fn costs_are_for_those_who_may_see_them() {
    let rig = priced().await;
    week(&rig).await;
    for (role, sees) in
        [(Role::Billing, true), (Role::Developer, true), (Role::Viewer, false), (Role::Agent, false)]
    {
        let key = rig.key(role, &["calls:read"]).await;
        let data = rig.get(PATH, &key).await.json()["data"].clone();
        assert_eq!(data["total_cost"].is_string(), sees, "{role:?}: {data}");
        assert_eq!(data["costs"].is_array(), sees);
        assert_eq!(data["trend"][29]["cost"].is_string(), sees);
        let listed = rig.get("/api/v1/whatsapp/calling/calls?status=completed", &key).await.json();
        assert_eq!(listed["data"][0]["cost"], if sees { json!("0.0417") } else { Value::Null }, "{role:?}");
        let estimate =
            rig.get(&format!("{ESTIMATE}?to=447700900123&from_phone_number_id={META_ID}"), &key).await;
        assert_eq!(estimate.status.as_u16(), if sees { 200 } else { 403 });
    }
}

#[tokio::test]
async fn a_call_that_ends_has_its_bill_in_the_row_and_in_the_log() {
    let rig = priced().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let path = "/api/v1/whatsapp/calling/calls";
    let outbound =
        json!({ "to": "+447700900123", "from_phone_number_id": META_ID, "sdp_offer": crate::rig::OFFER });
    let placed = rig.post(path, &key, &outbound).await.json()["data"].clone();
    let wacid = placed["meta_call_id"].as_str().unwrap();
    rig.status(wacid, "ACCEPTED").await;
    rig.until(State::Connected).await;
    rig.terminates(wacid, "BUSINESS_INITIATED", Some(61)).await;
    let call = rig.until(State::Completed).await;
    let row =
        rig.get(&format!("{path}/{}", placed["id"].as_str().unwrap()), &key).await.json()["data"].clone();
    let billed = |field: &str| row[field].clone();
    assert_eq!(
        [billed("billable_seconds"), billed("cost"), billed("provider_cost"), billed("currency")],
        [json!(61), json!("0.0208"), json!("0.0226"), json!("USD")]
    );
    let log = rig.memory.log(&call.tenant);
    let told = log.iter().rev().find_map(|logged| match &logged.event {
        offhook_core::event::Event::Call { glance, .. } => glance.as_ref()?.bill.clone(),
        _ => None,
    });
    assert_eq!(told, call.facts.bill);
}

#[tokio::test]
async fn an_estimate_names_the_row_it_comes_from() {
    let rig = priced().await;
    let key = rig.key(Role::Owner, &["calls:read"]).await;
    let ask = async |query: &str| rig.get(&format!("{ESTIMATE}?{query}"), &key).await;
    let mut body =
        ask(&format!("to=%2B351910000002&from_phone_number_id={META_ID}&duration_seconds=61")).await.json();
    body["meta"]["request_id"] = json!("[request]");
    insta::assert_json_snapshot!("estimate", body);
    let unknown =
        ask(&format!("to=%2B14155550100&from_phone_number_id={META_ID}")).await.json()["data"].clone();
    assert_eq!(
        (&unknown["destination"], &unknown["cost"], &unknown["billable_seconds"]),
        (&json!(null), &json!(null), &json!(60))
    );
    for (query, code) in [
        (format!("from_phone_number_id={META_ID}"), "MISSING_REQUIRED_FIELD"),
        ("to=%2B351910000002".to_owned(), "MISSING_REQUIRED_FIELD"),
        (format!("to=rui&from_phone_number_id={META_ID}"), "INVALID_PHONE_NUMBER"),
        (
            "to=%2B351910000002&from_phone_number_id=206540352242922".to_owned(),
            "WHATSAPP_CALLING_CONNECTION_NOT_FOUND",
        ),
        (format!("to=351910000002&from_phone_number_id={META_ID}&duration_seconds=-1"), "VALIDATION_ERROR"),
    ] {
        assert_eq!(ask(&query).await.code(), code, "{query}");
    }
}

#[tokio::test]
async fn the_events_of_a_finished_call_tell_what_it_cost_to_those_who_see_costs() {
    let rig = priced().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let wanted = json!({ "to": USER, "from_phone_number_id": META_ID, "sdp_offer": OFFER });
    rig.post("/api/v1/whatsapp/calling/calls", &key, &wanted).await;
    rig.status("wacid.PLACED1==", "ACCEPTED").await;
    rig.until(State::Connected).await;
    rig.terminates("wacid.PLACED1==", "BUSINESS_INITIATED", Some(90)).await;
    rig.until(State::Completed).await;
    let row = rig.get("/api/v1/whatsapp/calling/calls", &key).await.json()["data"][0].clone();
    assert!(row["cost"].is_string(), "{row}");
    let told = async |key: &str| {
        let events = rig.get("/api/v1/events", key).await.json();
        let find = |kind: &str| {
            let all = events["data"].as_array().unwrap().iter();
            all.clone().find(|event| event["type"] == kind).unwrap()["data"].clone()
        };
        (find("whatsapp.call.initiated"), find("whatsapp.call.completed"))
    };
    let (initiated, completed) = told(&key).await;
    for field in ["cost", "currency", "billable_seconds"] {
        assert_eq!(completed[field], row[field], "{field}");
        assert_eq!(initiated[field], Value::Null, "{field} of a call that goes on");
    }
    let agent = rig.key(Role::Agent, &["*"]).await;
    let (_, completed) = told(&agent).await;
    assert_eq!((&completed["cost"], &completed["currency"]), (&Value::Null, &Value::Null));
}
