//! Phones outside: a page whose sound passes through the simulator, and a stack that is WhatsApp's side itself.

use futures_util::{SinkExt, StreamExt};
use offhook_sim::Knobs;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{BizPeer, House, Plan};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

struct Phone(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Phone {
    async fn open(house: &House, query: &str) -> Self {
        let url = format!("ws://{}/phone/ws?{query}", house.sim.addr());
        let (socket, _) = connect_async(url).await.unwrap();
        let mut phone = Self(socket);
        phone.wait("hello").await;
        phone
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message of this type; others are passed over.
    async fn wait(&mut self, kind: &str) -> Value {
        let wait = async {
            loop {
                if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    assert_ne!(message["type"], "error", "{message}");
                    if message["type"] == kind {
                        return message;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no {kind}"))
    }

    async fn phase(&mut self, phase: &str) -> Value {
        loop {
            let state = self.wait("state").await;
            if state["phase"] == phase {
                return state;
            }
        }
    }
}

#[tokio::test]
async fn page_answers_a_call_and_both_hear_each_other() {
    let house = House::new().await;
    let mut phone = Phone::open(&house, "number=%2B447700900123").await;
    let mut business = BizPeer::new(&house.tasks, Plan::Tone(350.0)).await;
    let mut person = BizPeer::new(&house.tasks, Plan::Tone(620.0)).await;
    house.dial("447700900123", &mut business).await;
    let connect = house.inbox.wait("connect").await;
    business.take_answer(connect.call()["session"]["sdp"].as_str().unwrap());
    let incoming = phone.wait("incoming").await;
    assert_eq!(incoming["from"], "+15550100200");
    phone.say(json!({"type": "answer", "call": incoming["call"], "sdp": person.offer()})).await;
    let media = phone.wait("media").await;
    person.take_answer(media["sdp"].as_str().unwrap());
    phone.phase("active").await;
    business.hears(620.0).await;
    person.hears(350.0).await;
    phone.say(json!({"type": "keys", "call": incoming["call"], "keys": "7"})).await;
    business.until("a key", |ears| ears.keys == "7").await;
    phone.say(json!({"type": "hangup", "call": incoming["call"]})).await;
    assert_eq!(phone.phase("ended").await["reason"], "hung_up_by_user");
    house.inbox.wait("terminate").await;
}

#[tokio::test]
async fn page_hears_nothing_before_the_business_accepts() {
    let house = House::new().await;
    let mut phone = Phone::open(&house, "").await;
    let mut business = BizPeer::new(&house.tasks, Plan::Tone(350.0)).await;
    let mut person = BizPeer::new(&house.tasks, Plan::Tone(620.0)).await;
    phone.say(json!({"type": "call", "to": "+15550100200", "sdp": person.offer()})).await;
    let calling = phone.wait("calling").await;
    let media = phone.wait("media").await;
    person.take_answer(media["sdp"].as_str().unwrap());
    let connect = house.inbox.wait("connect").await;
    let answer = business.answer(connect.call()["session"]["sdp"].as_str().unwrap());
    let wacid = connect.call()["id"].as_str().unwrap();
    house.act(wacid, "pre_accept", Some(&answer)).await;
    house.event(0, "call.finding", |_| true).await;
    assert_eq!((person.ears().packets, business.ears().packets), (0, 0));
    house.act(wacid, "accept", Some(&answer)).await;
    phone.phase("active").await;
    person.hears(350.0).await;
    business.hears(620.0).await;
    house.act(wacid, "terminate", None).await;
    let ended = phone.phase("ended").await;
    assert_eq!((&ended["reason"], &ended["call"]), (&json!("terminated_by_business"), &calling["call"]));
}

#[tokio::test]
async fn page_that_opens_while_its_number_is_called_starts_to_ring() {
    let house = House::new().await;
    let mut business = BizPeer::new(&house.tasks, Plan::Quiet).await;
    let wacid = house.dial("447700900123", &mut business).await;
    house.inbox.wait("RINGING").await;
    let mut phone = Phone::open(&house, "number=%2B447700900123").await;
    let incoming = phone.wait("incoming").await;
    phone.say(json!({"type": "decline", "call": incoming["call"]})).await;
    assert_eq!(phone.phase("ended").await["reason"], "declined_by_user");
    house.inbox.wait("REJECTED").await;
    assert_eq!(house.ended(&wacid).await, "declined_by_user");
}

#[tokio::test]
async fn page_that_goes_away_hangs_up() {
    let house = House::new().await;
    let mut phone = Phone::open(&house, "number=%2B447700900123").await;
    phone.say(json!({"type": "call"})).await;
    phone.wait("calling").await;
    let connect = house.inbox.wait("connect").await;
    drop(phone);
    assert_eq!(house.ended(connect.call()["id"].as_str().unwrap()).await, "caller_gave_up");
}

#[tokio::test]
async fn second_page_with_a_number_replaces_the_first() {
    let house = House::new().await;
    let mut first = Phone::open(&house, "number=%2B447700900123").await;
    let _second = Phone::open(&house, "number=%2B447700900123").await;
    first.wait("replaced").await;
    assert_eq!(house.control.phones().len(), 1);
}

#[tokio::test]
async fn permission_request_reaches_the_page() {
    let house = House::new().await;
    let mut phone = Phone::open(&house, "number=%2B447700900123").await;
    let body = json!({"messaging_product": "whatsapp", "to": "447700900123", "type": "interactive",
        "interactive": {"type": "call_permission_request", "action": {"name": "call_permission_request"}}});
    house.graph("messages", &body).await;
    let request = phone.wait("permission_request").await;
    phone.say(json!({"type": "permission", "request": request["request"], "response": "reject"})).await;
    let reply = house.inbox.wait("call_permission_reply").await;
    assert_eq!(reply.value["messages"][0]["interactive"]["call_permission_reply"]["response"], "reject");
}

#[tokio::test]
async fn direct_phone_brings_its_own_sdp_and_the_business_hears_it() {
    let house = House::new().await;
    let mut phone = Phone::open(&house, "number=%2B447700900123&mode=direct").await;
    let mut business = BizPeer::new(&house.tasks, Plan::Tone(350.0)).await;
    let mut outside = BizPeer::new(&house.tasks, Plan::Tone(620.0)).await;
    let wacid = house.dial("447700900123", &mut business).await;
    let prepare = phone.wait("prepare").await;
    let answer = outside.answer(prepare["sdp"].as_str().unwrap());
    phone.say(json!({"type": "media", "call": prepare["call"], "sdp": answer})).await;
    let connect = house.inbox.wait("connect").await;
    assert_eq!(connect.call()["session"]["sdp"], answer.as_str());
    business.take_answer(&answer);
    let incoming = phone.wait("incoming").await;
    phone.say(json!({"type": "answer", "call": incoming["call"]})).await;
    house.inbox.wait("ACCEPTED").await;
    business.hears(620.0).await;
    outside.hears(350.0).await;
    assert!(house.control.call(&wacid).unwrap().heard.is_none());
}

#[tokio::test]
async fn direct_phone_calls_with_its_offer_and_gets_the_businesss_answer() {
    let house = House::new().await;
    let mut phone = Phone::open(&house, "number=%2B447700900123&mode=direct").await;
    let mut business = BizPeer::new(&house.tasks, Plan::Tone(350.0)).await;
    let mut outside = BizPeer::new(&house.tasks, Plan::Tone(620.0)).await;
    let offer = outside.offer();
    phone.say(json!({"type": "call", "sdp": offer})).await;
    let connect = house.inbox.wait("connect").await;
    assert_eq!(connect.call()["session"]["sdp"], offer.as_str());
    let answer = business.answer(&offer);
    let wacid = connect.call()["id"].as_str().unwrap();
    assert_eq!(house.act(wacid, "accept", Some(&answer)).await.0, 200);
    let sdp = phone.wait("business_sdp").await;
    assert_eq!((&sdp["answered"], &sdp["sdp"]), (&json!(true), &json!(answer)));
    outside.take_answer(sdp["sdp"].as_str().unwrap());
    outside.hears(350.0).await;
    business.hears(620.0).await;
}

#[tokio::test]
async fn direct_phone_that_never_brings_its_sdp_fails_the_call() {
    let house = House::with(Knobs { setup_timeout_ms: 200, ..Knobs::quick() }).await;
    let _phone = Phone::open(&house, "number=%2B447700900123&mode=direct").await;
    let mut business = BizPeer::new(&house.tasks, Plan::Quiet).await;
    house.dial("447700900123", &mut business).await;
    let terminate = house.inbox.wait("terminate").await;
    assert_eq!(
        (&terminate.call()["status"], &terminate.call()["errors"][0]["code"]),
        (&json!("FAILED"), &json!(138_019))
    );
}
