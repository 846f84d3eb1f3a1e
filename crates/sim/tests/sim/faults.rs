//! Planned faults, the Graph log and the reset.

use offhook_sim::{FaultPlan, PlaceCall};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{BizPeer, House, Plan};

fn plan(house: &House, plan: Value) {
    house.control.plan_fault(serde_json::from_value::<FaultPlan>(plan).unwrap()).unwrap();
}

#[tokio::test]
async fn connection_breaks_after_the_call_was_placed() {
    let house = House::new().await;
    plan(&house, json!({"action": "connect", "fault": {"kind": "drop", "acts": true}}));
    let sdp = BizPeer::new(&house.tasks, Plan::Quiet).await.offer();
    let broken = house.try_graph("calls", &House::connect_body("15550000004", &sdp)).await;
    assert!(broken.is_err(), "{broken:?}");
    house.inbox.wait("RINGING").await;
    let log = house.control.graph_log();
    assert_eq!((log.counts["connect"], log.acted["connect"]), (1, 1));
    assert_eq!(log.requests[0].fault, Some("drop"));
    assert_eq!(log.requests[0].opaque.as_deref(), Some("ticket-1"));
}

#[tokio::test]
async fn planned_status_comes_before_anything_is_done() {
    let house = House::new().await;
    plan(
        &house,
        json!({"action": "connect", "times": 1, "fault": {"kind": "status", "status": 503, "body": "<html>"}}),
    );
    let sdp = BizPeer::new(&house.tasks, Plan::Quiet).await.offer();
    assert_eq!(house.graph("calls", &House::connect_body("15550000004", &sdp)).await.0, 503);
    assert_eq!(house.control.calls().calls.len(), 0);
    assert_eq!(house.graph("calls", &House::connect_body("15550000004", &sdp)).await.0, 200);
    let log = house.control.graph_log();
    assert_eq!((log.counts["connect"], log.acted["connect"]), (2, 1));
}

#[tokio::test]
async fn connect_to_0015_fails_twice_then_works() {
    let house = House::new().await;
    let sdp = BizPeer::new(&house.tasks, Plan::Quiet).await.offer();
    let body = House::connect_body("15550000015", &sdp);
    let (first, error) = house.graph("calls", &body).await;
    assert_eq!(error["error"]["is_transient"], true);
    let statuses = [first, house.graph("calls", &body).await.0, house.graph("calls", &body).await.0];
    assert_eq!(statuses, [500, 500, 200]);
}

#[tokio::test]
async fn control_api_works_over_http() {
    let house = House::new().await;
    let (status, call) =
        house.control_http(Method::POST, "/control/calls", Some(json!({"from": "+447700900004"}))).await;
    assert_eq!(status, 201, "{call}");
    let id = call["id"].as_str().unwrap();
    let (_, events) = house.control_http(Method::GET, "/control/events?after=0&wait_ms=5000", None).await;
    assert_eq!(events["events"][0]["event"], "call.created");
    let encoded: String =
        url::form_urlencoded::byte_serialize(call["wacid"].as_str().unwrap().as_bytes()).collect();
    let (status, same) = house.control_http(Method::GET, &format!("/control/calls/{encoded}"), None).await;
    assert_eq!((status, &same["id"]), (200, &json!(id)));
    let (status, ended) =
        house.control_http(Method::POST, &format!("/control/calls/{id}/hangup"), None).await;
    assert_eq!((status, &ended["reason"]), (200, &json!("caller_gave_up")));
    let (status, _) = house.control_http(Method::POST, &format!("/control/calls/{id}/answer"), None).await;
    assert_eq!(status, 409);
    let (status, _) = house.control_http(Method::GET, "/control/calls/ffffffffffff", None).await;
    assert_eq!(status, 404);
    let (_, knobs) =
        house.control_http(Method::PUT, "/control/knobs", Some(json!({"ring_timeout_ms": 77}))).await;
    assert_eq!(knobs["ring_timeout_ms"], 77);
    let (status, _) = house.control_http(Method::PUT, "/control/knobs", Some(json!({"ring": 1}))).await;
    assert_eq!(status, 400);
    let (_, list) = house.control_http(Method::GET, "/control/calls", None).await;
    assert_eq!((list["calls"].as_array().unwrap().len(), &list["live"]), (1, &json!(0)));
    for page in ["/", "/phone", "/phone.js", "/control.js", "/style.css"] {
        assert_eq!(house.control_http(Method::GET, page, None).await.0, 200);
    }
}

#[tokio::test]
async fn reset_ends_calls_and_forgets_them() {
    let house = House::new().await;
    house.control.place_call(PlaceCall::from("+447700900004")).await.unwrap();
    house.control.patch_knobs(&json!({"ring_timeout_ms": 1})).unwrap();
    house.inbox.wait("connect").await;
    house.control.reset().await;
    house.inbox.wait("terminate").await;
    assert!(house.control.calls().calls.is_empty());
    assert_eq!(house.control.knobs().ring_timeout_ms, 60_000);
    assert!(house.control.graph_log().requests.is_empty());
}

#[tokio::test]
async fn stopped_simulator_lets_its_port_go() {
    let house = House::new().await;
    house.control.place_call(PlaceCall::from("+447700900002")).await.unwrap();
    let addr = house.sim.addr();
    house.sim.stop().await;
    tokio::net::TcpListener::bind(addr).await.unwrap();
}
