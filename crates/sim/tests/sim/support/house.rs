//! A simulator and a business that is subscribed to it.

use std::time::Duration;

use offhook_sim::{Control, Event, Knobs, Sim, SimConfig, SimNumber};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use url::Url;

use super::business::Inbox;
use super::peer::BizPeer;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct House {
    pub(crate) sim: Sim,
    pub(crate) control: Control,
    pub(crate) inbox: Inbox,
    pub(crate) number: SimNumber,
    pub(crate) tasks: TaskTracker,
    client: reqwest::Client,
}

impl House {
    /// Everything quick.
    pub(crate) async fn new() -> Self {
        Self::with(Knobs::quick()).await
    }

    pub(crate) async fn with(knobs: Knobs) -> Self {
        let tasks = TaskTracker::new();
        let inbox = Inbox::open(&tasks).await;
        let webhook_url = Some(Url::parse(&format!("http://{}/hook", inbox.addr)).unwrap());
        let sim = offhook_sim::start(SimConfig { webhook_url, knobs, ..SimConfig::default() }).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { control: sim.control(), sim, inbox, number: SimNumber::sample(), tasks, client }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.sim.addr())
    }

    /// A Graph POST with the right token: status and body.
    pub(crate) async fn graph(&self, path: &str, body: &Value) -> (u16, Value) {
        self.try_graph(path, body).await.expect("an answer")
    }

    /// A Graph POST that may break.
    pub(crate) async fn try_graph(&self, path: &str, body: &Value) -> Result<(u16, Value), reqwest::Error> {
        let url = self.url(&format!("/v25.0/{}/{path}", self.number.phone_number_id));
        let request = self.client.post(url).bearer_auth(&self.number.access_token).json(body);
        let answer = request.timeout(Duration::from_secs(10)).send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// A Graph GET.
    pub(crate) async fn graph_get(&self, path: &str, token: &str) -> (u16, Value) {
        let url = self.url(&format!("/v25.0/{}/{path}", self.number.phone_number_id));
        let answer = self.client.get(url).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// An HTTP request to the control API.
    pub(crate) async fn control_http(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.client.request(method, self.url(path));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// An action on a call.
    pub(crate) async fn act(&self, wacid: &str, action: &str, sdp: Option<&str>) -> (u16, Value) {
        let mut body = json!({"messaging_product": "whatsapp", "call_id": wacid, "action": action});
        if let Some(sdp) = sdp {
            body["session"] = json!({"sdp_type": "answer", "sdp": sdp});
        }
        self.graph("calls", &body).await
    }

    pub(crate) fn connect_body(to: &str, sdp: &str) -> Value {
        json!({"messaging_product": "whatsapp", "to": to, "action": "connect",
            "session": {"sdp_type": "offer", "sdp": sdp}, "biz_opaque_callback_data": "ticket-1"})
    }

    /// Calls a user with this peer's offer; the wacid.
    pub(crate) async fn dial(&self, to: &str, peer: &mut BizPeer) -> String {
        let offer = peer.offer();
        let (status, body) = self.graph("calls", &Self::connect_body(to, &offer)).await;
        assert_eq!(status, 200, "{body}");
        body["calls"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Calls a user, applies Meta's answer, and returns when the user picked up.
    pub(crate) async fn dial_and_talk(&self, to: &str, peer: &mut BizPeer) -> String {
        let wacid = self.dial(to, peer).await;
        let connect = self.inbox.wait("connect").await;
        peer.take_answer(connect.call()["session"]["sdp"].as_str().unwrap());
        self.inbox.wait("ACCEPTED").await;
        wacid
    }

    /// The first event of this name after `after` that `wanted` likes.
    pub(crate) async fn event(&self, after: u64, name: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let wait = async {
            let mut after = after;
            loop {
                let page = self.control.events(after, PATIENCE).await;
                if let Some(event) = page.events.iter().find(|event| event.event == name && wanted(event)) {
                    return event.clone();
                }
                after = page.next;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(event) => event,
            Err(_) => panic!("no {name}; {:?}", self.control.events(0, Duration::ZERO).await.events),
        }
    }

    /// The phone of some call hears a tone of about `hz`.
    pub(crate) async fn phone_hears(&self, hz: f64) {
        self.event(0, "heard.tone", |event| (event.data["hz"].as_f64().unwrap() - hz).abs() < 10.0).await;
    }

    pub(crate) async fn ended(&self, wacid: &str) -> &'static str {
        let id = self.control.call(wacid).unwrap().id;
        self.event(0, "call.ended", |event| event.call.as_deref() == Some(&id)).await;
        self.control.call(wacid).unwrap().reason().unwrap()
    }
}
