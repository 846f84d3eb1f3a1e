//! A request with an `Idempotency-Key` over the death of the server: one call, whatever happens.

use std::time::Duration;

use serde_json::{Value, json};

use crate::agent::sdp;
use crate::server::House;

async fn place(house: &House, name: &str, to: &str) -> (u16, bool, Value) {
    let url = format!("{}/api/v1/whatsapp/calling/calls", house.url());
    let body = json!({ "to": to, "from_phone_number_id": "106540352242922", "sdp_offer": sdp("actpass") });
    let request = house.http.post(url).header("X-API-Key", &house.api_key).header("Idempotency-Key", name);
    let reply = request.json(&body).send().await.unwrap();
    let replayed = reply.headers().contains_key("idempotent-replayed");
    (reply.status().as_u16(), replayed, reply.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_places_no_second_call_over_a_stop_and_a_kill() {
    let mut house = House::start("relay").await.unwrap();
    // It never answers, so that it is there after the restart as before.
    let (status, replayed, first) = place(&house, "one", "+15550990004").await;
    assert_eq!((status, replayed), (201, false), "{first}");
    house.stop_and_start().await.unwrap();
    let (status, replayed, again) = place(&house, "one", "+15550990004").await;
    assert_eq!((status, replayed, &again), (201, true, &first));
    house.restart().await.unwrap();
    let (_, replayed, again) = place(&house, "one", "+15550990004").await;
    assert_eq!((replayed, &again), (true, &first));
    let (status, _, other) = place(&house, "one", "+15550990003").await;
    assert_eq!((status, &other["error"]["code"]), (409, &json!("IDEMPOTENCY_KEY_REUSED")));
    assert_eq!(house.acted("connect").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_cut_off_by_a_kill_is_told_of_its_call() {
    let mut house = House::start("relay").await.unwrap();
    // WhatsApp places the call and keeps its reply: the server dies with the client waiting.
    let hang = json!({ "action": "connect", "fault": { "kind": "hang", "hold_ms": 5000, "acts": true } });
    let plan = house.http.post(format!("http://{}/control/faults", house.sim.addr())).json(&hang);
    plan.send().await.unwrap().error_for_status().unwrap();
    let control = house.sim.control();
    tokio::select! {
        answer = place(&house, "one", "+15550990004") => panic!("it was answered: {answer:?}"),
        placed = control.wait_for(0, "call.created", None, Duration::from_secs(10)) => assert!(placed.is_some()),
    }
    house.restart().await.unwrap();
    let (status, _, told) = place(&house, "one", "+15550990004").await;
    assert_eq!(status, 201, "{told}");
    let rows = house.rows().await.unwrap();
    assert_eq!((rows.len(), &rows[0]["id"]), (1, &told["data"]["id"]));
    assert_eq!(house.acted("connect").await.unwrap(), 1);
}
