//! Permissions: asked for, granted, refused, used up.

use offhook_sim::{Knobs, PermissionChange};
use serde_json::{Value, json};

use crate::support::{BizPeer, House, Plan};

async fn ask(house: &House, to: &str) -> (u16, Value) {
    let body = json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": "interactive",
        "interactive": {"type": "call_permission_request", "action": {"name": "call_permission_request"},
            "body": {"text": "May we call you?"}}});
    house.graph("messages", &body).await
}

async fn status(house: &House, user: &str) -> Value {
    let path = format!("call_permissions?user_wa_id={user}");
    house.graph_get(&path, &house.number.access_token).await.1
}

#[tokio::test]
async fn user_0012_grants_when_asked_and_can_then_be_called() {
    let house = House::new().await;
    assert_eq!(status(&house, "15550000012").await["permission"]["status"], "no_permission");
    let (code, body) = ask(&house, "15550000012").await;
    assert_eq!(code, 200);
    let reply = house.inbox.wait("call_permission_reply").await;
    let message = &reply.value["messages"][0];
    let said = &message["interactive"]["call_permission_reply"];
    assert_eq!(message["context"]["id"], body["messages"][0]["id"]);
    assert_eq!((&said["response"], &said["is_permanent"]), (&json!("accept"), &json!(false)));
    assert!(said["expiration_timestamp"].is_string());
    let now = status(&house, "15550000012").await;
    assert_eq!(now["permission"]["status"], "temporary");
    assert!(now["permission"]["expiration_time"].is_u64());
    assert_eq!(now["actions"][0]["can_perform_action"], false, "one request a day");
    let mut peer = BizPeer::new(&house.tasks, Plan::Tone(300.0)).await;
    house.dial_and_talk("15550000012", &mut peer).await;
}

#[tokio::test]
async fn user_0013_refuses_and_cannot_be_asked_again_today() {
    let house = House::new().await;
    ask(&house, "15550000013").await;
    let reply = house.inbox.wait("call_permission_reply").await;
    assert_eq!(reply.value["messages"][0]["interactive"]["call_permission_reply"]["response"], "reject");
    let (code, body) = ask(&house, "15550000013").await;
    assert_eq!((code, &body["error"]["code"]), (400, &json!(138_009)));
}

#[tokio::test]
async fn person_decides_about_an_ordinary_users_request() {
    let house = House::new().await;
    let (_, body) = ask(&house, "447700900123").await;
    let request = body["messages"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(house.control.permissions().requests[0].id, request);
    let change = PermissionChange {
        request: Some(request),
        response: "accept".to_owned(),
        permanent: true,
        ..Default::default()
    };
    house.control.change_permission(change).unwrap();
    let reply = house.inbox.wait("call_permission_reply").await;
    assert_eq!(reply.value["messages"][0]["interactive"]["call_permission_reply"]["is_permanent"], true);
    let (code, body) = ask(&house, "447700900123").await;
    assert_eq!((code, &body["error"]["code"]), (400, &json!(138_017)));
}

#[tokio::test]
async fn four_unanswered_calls_in_a_row_revoke_the_permission() {
    let house = House::with(Knobs { phone_declines_ms: 0, ..Knobs::quick() }).await;
    let sdp = BizPeer::new(&house.tasks, Plan::Quiet).await.offer();
    for call in 0..4 {
        let (code, body) = house.graph("calls", &House::connect_body("15550000003", &sdp)).await;
        assert_eq!(code, 200, "{body}");
        house.inbox.wait_nth("terminate", call).await;
    }
    let reply = house.inbox.wait("call_permission_reply").await;
    let message = &reply.value["messages"][0];
    assert_eq!(message["interactive"]["call_permission_reply"]["response_source"], "automatic");
    assert!(message.get("context").is_none());
    let (code, body) = house.graph("calls", &House::connect_body("15550000003", &sdp)).await;
    assert_eq!((code, &body["error"]["code"]), (401, &json!(138_006)));
}

#[tokio::test]
async fn calling_the_business_grants_a_callback_where_that_is_set() {
    let house = House::new().await;
    house.graph("settings", &json!({"calling": {"callback_permission_status": "ENABLED"}})).await;
    let call = house.control.place_call(offhook_sim::PlaceCall::from("+447700900006")).await.unwrap();
    house.control.hang_up(&call.wacid).await.unwrap();
    let reply = house.inbox.wait("call_permission_reply").await;
    assert_eq!(reply.value["messages"][0]["context"]["id"], call.wacid.as_str());
    assert_eq!(status(&house, "447700900006").await["permission"]["status"], "temporary");
}
