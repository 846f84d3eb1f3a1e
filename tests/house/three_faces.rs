//! One scenario through all three faces, each against a server of its own: the same records, the same events, the
//! same deliveries in every dress, but for ids and times; and bodies as the providers document them.

use std::collections::HashMap;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::agent::sdp;
use crate::customer::{Customer, SECRET, Seen};
use crate::documented::check;
use crate::peers::python;
use crate::server::House;
use crate::stage::{root, until};

const NUMBER: &str = "106540352242922";

/// A user who answers, one who calls, one whose call is rejected, and one who permits no calls.
const ANSWERS: &str = "+15550990001";
const CALLS: &str = "+447700900101";
const REJECTED: &str = "+447700900102";
const FORBIDS: &str = "+15550990006";

/// What the client sends along with the call it places.
const ALONG: &str = "ticket-88";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Face {
    Orbit,
    Vobiz,
    D360,
}

/// A company that uses one face, and is told of everything in every dress.
struct Company {
    face: Face,
    house: House,
    customer: Customer,
}

/// What is left of a scenario, ids and times named by their first appearance.
#[derive(Debug)]
struct Left {
    rows: Value,
    logs: Value,
    events: Value,
    /// By dress, and call for call.
    told: Value,
}

impl Company {
    async fn found(face: Face, tasks: &TaskTracker) -> anyhow::Result<Self> {
        let customer = Customer::default();
        let url = customer.open(tasks).await?;
        let company = Self { face, house: House::start("relay").await?, customer };
        // One after another, so that the order in the log is always the same.
        let knobs = company.house.control("/knobs").await?;
        let mut knobs = knobs.as_object().context("knobs")?.clone();
        knobs.extend([("ringing_ms".to_owned(), json!(200)), ("phone_answers_ms".to_owned(), json!(400))]);
        let put = company.house.http.put(format!("http://{}/control/knobs", company.house.sim.addr()));
        put.json(&knobs).send().await?.error_for_status()?;

        let hooks = "/api/v1/webhooks";
        let all = json!({ "url": format!("{url}/orbit"), "events": ["*"], "secret": SECRET });
        company.ask_as(Face::Orbit, "POST", hooks, Some(all)).await?;
        let body = json!({ "url": format!("{url}/vobiz"), "secret": SECRET });
        company.ask_as(Face::Vobiz, "POST", "/api/v1/messaging/webhooks", Some(body)).await?;
        let passed = json!({
            "url": format!("{url}/meta"), "dress": "meta", "phone_number_id": NUMBER, "secret": SECRET,
            "headers": { "X-Shared": "between us" },
        });
        company.ask_as(Face::Orbit, "POST", hooks, Some(passed)).await?;
        Ok(company)
    }

    /// A request with the credentials of a face: its status and its body.
    async fn send(
        &self,
        face: Face,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let request = self.house.http.request(method.parse()?, format!("{}{path}", self.house.url()));
        let key = &self.house.api_key;
        let request = match face {
            Face::Orbit => request.header("X-API-Key", key),
            Face::Vobiz => request.header("X-Auth-ID", &self.house.account_id).header("X-Auth-Token", key),
            Face::D360 => request.header("D360-API-KEY", self.house.number["d360_api_key"].as_str().unwrap()),
        };
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let reply = request.send().await?;
        Ok((reply.status().as_u16(), reply.json().await?))
    }

    async fn ask_as(
        &self,
        face: Face,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let (status, body) = self.send(face, method, path, body).await?;
        ensure!((200..300).contains(&status), "{face:?} {path}: {status} {body}");
        Ok(body)
    }

    async fn place(&self, to: &str) -> anyhow::Result<(u16, Value)> {
        let offer = sdp("actpass");
        let (path, body) = match self.face {
            Face::Orbit => (
                "/api/v1/whatsapp/calling/calls",
                json!({
                    "to": to, "from_phone_number_id": NUMBER, "sdp_offer": offer, "biz_opaque_callback_data": ALONG,
                }),
            ),
            Face::Vobiz => (
                "/api/v1/messaging/calls/whatsapp",
                json!({
                    "to": to, "channel_id": self.house.number["channel_id"], "sdp_offer": offer,
                    "biz_opaque_callback_data": ALONG,
                }),
            ),
            Face::D360 => (
                "/calling/calls",
                json!({
                    "messaging_product": "whatsapp", "action": "connect", "to": to.trim_start_matches('+'),
                    "session": { "sdp_type": "offer", "sdp": offer }, "biz_opaque_callback_data": ALONG,
                }),
            ),
        };
        self.send(self.face, "POST", path, Some(body)).await
    }

    async fn act(&self, wacid: &str, action: &str) -> anyhow::Result<()> {
        let answer = action.ends_with("accept").then(|| sdp("active"));
        let (path, body) = match self.face {
            Face::Orbit => {
                let path = format!("/api/v1/whatsapp/calling/calls/{}/{action}", wacid.replace('=', "%3D"));
                (path, json!({ "sdp_answer": answer }))
            }
            Face::Vobiz => {
                let channel = &self.house.number["channel_id"];
                let body =
                    json!({ "channel_id": channel, "call_id": wacid, "action": action, "sdp": answer });
                ("/api/v1/messaging/calls/whatsapp/action".to_owned(), body)
            }
            Face::D360 => {
                let session = answer.map(|answer| json!({ "sdp_type": "answer", "sdp": answer }));
                let body = json!({
                    "messaging_product": "whatsapp", "call_id": wacid, "action": action, "session": session,
                });
                ("/calling/calls".to_owned(), body)
            }
        };
        let mut done = self.ask_as(self.face, "POST", &path, Some(body)).await?;
        match self.face {
            Face::Orbit => ensure!(done["data"]["meta_call_id"] == wacid, "{done}"),
            Face::Vobiz => {
                ensure!((&done["action"], &done["call_id"]) == (&json!(action), &json!(wacid)), "{done}");
                // The provider's sample accepts a call by its own id.
                done["action"] = json!("accept");
                done["call_id"] = json!("d5e6f708-1920-4a3b-94c5-d6e7f8091022");
                check("vobiz-action", &done);
            }
            Face::D360 => check("d360-done", &done),
        }
        Ok(())
    }

    /// Waits for the newest call to have a status; WhatsApp's id of it.
    async fn newest(&self, count: usize, status: &str) -> anyhow::Result<String> {
        let what = format!("call {count} to be {status}");
        let row = until(&what, async || {
            let rows = self.house.rows().await?;
            Ok((rows.len() == count && rows[0]["status"] == status).then(|| rows[0].clone()))
        });
        Ok(row.await?["meta_call_id"].as_str().unwrap_or_default().to_owned())
    }

    async fn rings(&self, from: &str) -> anyhow::Result<()> {
        let rings = self.house.http.post(format!("http://{}/control/calls", self.house.sim.addr()));
        rings.json(&json!({ "from": from })).send().await?.error_for_status()?;
        Ok(())
    }

    async fn play(&self) -> anyhow::Result<()> {
        let (status, placed) = self.place(ANSWERS).await?;
        let (name, expected) = match self.face {
            Face::Orbit => ("orbit-placed", 201),
            Face::Vobiz => ("vobiz-placed", 201),
            Face::D360 => ("d360-connected", 200),
        };
        ensure!(status == expected, "{:?}: {status} {placed}", self.face);
        check(name, &placed);
        let wacid = self.newest(1, "in_progress").await?;
        self.act(&wacid, "terminate").await?;
        self.newest(1, "completed").await?;

        self.rings(CALLS).await?;
        let wacid = self.newest(2, "queued").await?;
        self.act(&wacid, "pre_accept").await?;
        self.act(&wacid, "accept").await?;
        self.newest(2, "in_progress").await?;
        self.act(&wacid, "terminate").await?;
        self.newest(2, "completed").await?;

        self.rings(REJECTED).await?;
        let wacid = self.newest(3, "queued").await?;
        self.act(&wacid, "reject").await?;
        self.newest(3, "failed").await?;

        let (status, refused) = self.place(FORBIDS).await?;
        let (name, expected) = match self.face {
            Face::Orbit => ("orbit-error", 422),
            Face::Vobiz => ("vobiz-error", 422),
            Face::D360 => ("d360-error", 401),
        };
        ensure!(status == expected, "{:?}: {status} {refused}", self.face);
        check(name, &refused);
        self.newest(4, "failed").await?;
        Ok(())
    }

    async fn left(&self) -> anyhow::Result<Left> {
        let rows = self.ask_as(Face::Orbit, "GET", "/api/v1/whatsapp/calling/calls", None).await?;
        let path = "/api/v1/messaging/calls/whatsapp/logs?page=1&limit=25&include=sdp";
        let logs = self.ask_as(Face::Vobiz, "GET", path, None).await?;
        let path = "/api/v1/events?type=whatsapp.*,contact.*&limit=200";
        let mut events = self.ask_as(Face::Orbit, "GET", path, None).await?;
        let events = events["data"].as_array_mut().context("events")?;
        events.reverse();

        // Those of Meta's words that are about the three calls there were: the fourth never came to WhatsApp.
        let ends = |told: &[Value]| told.iter().filter(|told| told.to_string().contains("terminate")).count();
        let told = until("all that happened to be told", async || {
            let told = ["orbit", "vobiz", "meta"].map(|dress| self.told(dress));
            let whole = told[0].len() == events.len() && ends(&told[1]) == 3 && ends(&told[2]) == 3;
            Ok(whole.then_some(told))
        });
        let [mut orbit, vobiz, meta] = told.await.with_context(|| {
            format!("{:?}: {} events, {:#?}", self.face, events.len(), self.told("orbit"))
        })?;
        // Order is kept per call, and per contact; between them it is the network's.
        let place = |told: &Value| events.iter().position(|event| event["id"] == told["id"]);
        let mut newest = HashMap::new();
        for told in &orbit {
            let (place, before) = (place(told), newest.get(&about(told)).copied().flatten());
            ensure!(place.is_some() && before < place, "{:?}: out of order: {told:#}", self.face);
            newest.insert(about(told), place);
        }
        orbit.sort_by_key(place);
        self.hold_against_documentation(&rows, &orbit, &vobiz, &meta).await?;
        self.verified_by_the_samples()?;

        let mut whole = json!({
            "rows": rows["data"], "logs": logs["items"], "events": events,
            "told": { "orbit": orbit, "vobiz": vobiz, "meta": meta },
        });
        Names::default().rename("", &mut whole);
        let mut part = |name: &str| whole[name].take();
        Ok(Left { rows: part("rows"), logs: part("logs"), events: part("events"), told: part("told") })
    }

    /// What came in a dress: each with a good signature, the calls in the order in which they began.
    fn told(&self, dress: &str) -> Vec<Value> {
        let seen = self.customer.told(dress);
        seen.iter().for_each(|seen| seen.verify(SECRET));
        let mut told: Vec<Value> = seen.iter().map(|seen| seen.json()).collect();
        let calls: Vec<String> = told.iter().map(about).collect();
        let first = |told: &Value| calls.iter().position(|call| *call == about(told));
        told.sort_by_key(first);
        told
    }

    /// The signatures of everything that came, checked by the samples customers copy: in Python and in Node, with
    /// what those have in their own libraries. One body is not as it was sent.
    fn verified_by_the_samples(&self) -> anyhow::Result<()> {
        let seen: Vec<Seen> =
            ["orbit", "vobiz", "meta"].iter().flat_map(|dress| self.customer.told(dress)).collect();
        let mut lines: Vec<Value> = seen.iter().map(Seen::as_logged).collect();
        let mut forged = lines[0].clone();
        forged["body"] = json!(format!("{} ", forged["body"].as_str().context("a body")?));
        lines.push(forged);
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), input)?;
        for (program, sample) in [(python(), "verify.py"), ("node".into(), "verify.mjs")] {
            let output = Command::new(program)
                .arg(root().join("docs/api/examples/webhooks").join(sample))
                .env("SECRET", SECRET)
                .stdin(std::fs::File::open(file.path())?)
                .output()?;
            let said = String::from_utf8_lossy(&output.stdout);
            let verdict: Value = serde_json::from_str(&said)
                .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
            ensure!(verdict == json!({ "good": seen.len(), "bad": 1 }), "{sample}: {verdict}");
        }
        Ok(())
    }

    async fn hold_against_documentation(
        &self,
        rows: &Value,
        orbit: &[Value],
        vobiz: &[Value],
        meta: &[Value],
    ) -> anyhow::Result<()> {
        // The samples are of a placed call that was answered and has ended: the first.
        let mut list = rows.clone();
        let row = list["data"].as_array_mut().and_then(Vec::pop).context("a row")?;
        list["data"] = json!([row]);
        check("orbit-listed", &list);
        let path = "/api/v1/messaging/calls/whatsapp/logs?page=1&limit=25&direction=outbound&status=accepted";
        check("vobiz-logs", &self.ask_as(Face::Vobiz, "GET", path, None).await?);
        let completed = orbit.iter().find(|event| event["type"] == "whatsapp.call.completed");
        check("orbit-event", completed.context("a completed call")?);
        check("vobiz-connect", vobiz.first().context("a connect")?);
        let value = |told: &Value| told["entry"][0]["changes"][0]["value"].clone();
        let mut kinds = Vec::new();
        for told in meta {
            let call = &value(told)["calls"][0];
            let name = match (call["event"].as_str(), call["direction"].as_str()) {
                (Some("connect"), Some("BUSINESS_INITIATED")) => "meta-connect-out",
                (Some("connect"), _) => "meta-connect-in",
                (Some("terminate"), Some("BUSINESS_INITIATED")) => "meta-terminate",
                (Some(_), _) => continue,
                (None, _) if value(told)["statuses"][0]["status"] == "RINGING" => "meta-status",
                (None, _) => continue,
            };
            check(name, told);
            if name == "meta-connect-in" {
                continue;
            }
            let about = if call.is_null() { value(told)["statuses"][0].clone() } else { call.clone() };
            ensure!(about["biz_opaque_callback_data"] == ALONG, "the client's own word comes back: {told}");
            kinds.push(name);
        }
        ensure!(kinds == ["meta-connect-out", "meta-status", "meta-terminate"], "{kinds:?}");
        let payloads: Vec<&Value> = vobiz.iter().map(|told| &told["payload"]).collect();
        ensure!(payloads == meta.iter().collect::<Vec<_>>(), "both are Meta's own words");
        Ok(())
    }
}

/// The call, or else the contact, a delivery is about.
fn about(told: &Value) -> String {
    let value = |told: &Value| {
        let value = &told["entry"][0]["changes"][0]["value"];
        let about = if value["calls"].is_array() { &value["calls"][0] } else { &value["statuses"][0] };
        about["id"].clone()
    };
    let call = match &told["data"]["call_id"] {
        Value::Null if told["payload"].is_object() => value(&told["payload"]),
        Value::Null if told["data"]["contact_id"].is_string() => told["data"]["contact_id"].clone(),
        // Consent is one user's.
        Value::Null if told["data"].is_object() => told["data"]["phone"].clone(),
        Value::Null => value(told),
        call => call.clone(),
    };
    call.to_string()
}

/// Names for what differs from run to run: the same thing has the same name, however it is written.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn rename(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| self.rename(key, value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.rename(key, item)),
            Value::String(text) => *text = self.name(key, text),
            Value::Number(_) if key.starts_with("duration") => *value = json!("seconds"),
            Value::Number(_) if key == "port" => *value = json!("a port"),
            _ => {}
        }
    }

    fn name(&mut self, key: &str, text: &str) -> String {
        let hex: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let beginning = text.split_once('_').filter(|(_, id)| id.len() == 32);
        let kind = match text {
            _ if text.starts_with("v=0") => "sdp",
            _ if text.starts_with("wacid.") => "wacid",
            _ if text.starts_with("MA_") => "account",
            // Ours and Vobiz's spellings of one id.
            _ if text.len() == 36 && hex.len() == 32 => return self.nth("id", &hex),
            _ if beginning.is_some() => {
                return self.nth("id", beginning.map_or("", |(_, id)| id));
            }
            _ if text.ends_with('Z') && text.get(10..11) == Some("T") => return "a moment".to_owned(),
            _ if ["timestamp", "start_time", "end_time"].contains(&key) => return "a moment".to_owned(),
            _ => return text.to_owned(),
        };
        self.nth(kind, text)
    }

    fn nth(&mut self, kind: &str, text: &str) -> String {
        let next = self.0.len();
        self.0.entry(text.to_owned()).or_insert_with(|| format!("{kind} {next}")).clone()
    }
}

async fn played(face: Face) -> anyhow::Result<Left> {
    let tasks = TaskTracker::new();
    let company = Company::found(face, &tasks).await?;
    company.play().await.with_context(|| format!("{face:?}"))?;
    company.left().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scenario_leaves_the_same_through_every_face_and_speaks_as_documented() {
    let (orbit, vobiz, d360) =
        tokio::try_join!(played(Face::Orbit), played(Face::Vobiz), played(Face::D360)).unwrap();
    assert_eq!(orbit.rows.as_array().unwrap().len(), 4);
    for (face, other) in [(Face::Vobiz, vobiz), (Face::D360, d360)] {
        same(&format!("{face:?}: rows"), &orbit.rows, &other.rows);
        same(&format!("{face:?}: logs"), &orbit.logs, &other.logs);
        same(&format!("{face:?}: events"), &orbit.events, &other.events);
        for dress in ["orbit", "vobiz", "meta"] {
            same(&format!("{face:?}: told {dress}"), &orbit.told[dress], &other.told[dress]);
        }
    }
}

/// The same lists, item by item, so that a failure shows the one that differs.
fn same(what: &str, one: &Value, other: &Value) {
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
    assert_eq!(items(one).len(), items(other).len(), "{what}\n{one:#}\n{other:#}");
    for (one, other) in items(one).into_iter().zip(items(other)) {
        assert_eq!(one, other, "{what}");
    }
}
