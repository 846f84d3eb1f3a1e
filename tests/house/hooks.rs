//! Customers' webhooks from the real binary: signed in every dress, in order, over a kill, whoever else is dead.

use anyhow::Context;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::agent::sdp;
use crate::customer::{Customer, SECRET, Seen};
use crate::server::House;
use crate::stage::until;

async fn made(house: &House, path: &str, body: Value) -> anyhow::Result<Value> {
    let request = house.http.post(format!("{}{path}", house.url())).bearer_auth(&house.api_key);
    let reply = request.json(&body).send().await?;
    let status = reply.status();
    let text = reply.text().await?;
    anyhow::ensure!(status.is_success(), "{body}: {status} {text}");
    Ok(serde_json::from_str(&text)?)
}

/// What every dress tells of one inbound call that an agent takes and ends.
async fn told_of_a_call(kill: bool) -> anyhow::Result<()> {
    let (tasks, customer) = (TaskTracker::new(), Customer::default());
    let url = customer.open(&tasks).await?;
    let mut house = House::start("relay").await?;
    let hooks = "/api/v1/webhooks";
    // A closed port and a server that never answers, first in line.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    made(&house, hooks, json!({ "url": format!("http://{closed}/"), "events": ["*"] })).await?;
    made(&house, hooks, json!({ "url": format!("{url}/stuck"), "events": ["*"] })).await?;
    let orbit = json!({ "url": format!("{url}/orbit"), "events": ["whatsapp.call.*"], "secret": SECRET });
    made(&house, hooks, orbit).await?;
    let vobiz = json!({ "url": format!("{url}/vobiz"), "secret": SECRET });
    made(&house, "/api/v1/messaging/webhooks", vobiz).await?;
    let meta = json!({
        "url": format!("{url}/meta"), "dress": "meta", "phone_number_id": "106540352242922", "secret": SECRET,
        "headers": { "X-Shared": "between us" },
    });
    made(&house, hooks, meta).await?;

    let mut agent = house.agent()?;
    agent.connect().await?;
    agent.command(json!({ "type": "presence.set", "status": "available" })).await?;
    let rings = house.http.post(format!("http://{}/control/calls", house.sim.addr()));
    rings.json(&json!({ "from": "+447700900002" })).send().await?.error_for_status()?;
    let incoming = agent.event("call.incoming", |_| true).await?;
    let id = incoming["call"]["id"].as_str().context("a call")?.to_owned();
    agent.command(json!({ "type": "call.accept", "call_id": id, "sdp": sdp("active") })).await?;
    until("the call to be connected", async || {
        Ok(house.rows().await?.into_iter().find(|row| row["status"] == "in_progress"))
    })
    .await?;
    if kill {
        house.crash(&mut agent).await?;
    }
    agent.command(json!({ "type": "call.hangup", "call_id": id })).await?;
    house.row("completed").await?;

    let last = |path: &'static str, wanted: fn(&Seen) -> bool| {
        let customer = customer.clone();
        until("the call's end to be told", async move || {
            Ok(Some(customer.told(path)).filter(|told| told.iter().any(wanted)))
        })
    };
    let orbit =
        last("orbit", |seen| seen.header("x-devotel-event-type") == "whatsapp.call.completed").await?;
    let vobiz = last("vobiz", |seen| seen.header("x-webhook-event") == "call.terminate").await?;
    let meta = last("meta", |seen| seen.raw.windows(9).any(|some| some == b"terminate")).await?;
    orbit.iter().chain(&vobiz).chain(&meta).for_each(|seen| seen.verify(SECRET));

    let names: Vec<&str> = orbit.iter().map(|seen| seen.header("x-devotel-event-type")).collect();
    let milestones = [
        "whatsapp.call.incoming",
        "whatsapp.call.agent_ringing",
        "whatsapp.call.answered",
        "whatsapp.call.completed",
    ];
    let order: Vec<&str> = names.iter().copied().filter(|name| milestones.contains(name)).collect();
    assert_eq!(order, milestones, "each once and in order: {names:?}");
    for event in &orbit {
        assert_eq!(
            (&event.json()["data"]["call_id"], &event.json()["data"]["from"]),
            (&json!(id), &json!("+447700900002"))
        );
    }
    let kinds: Vec<&str> = vobiz.iter().map(|seen| seen.header("x-webhook-event")).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"call.connect"), Some(&"call.terminate")), "{kinds:?}");
    let payloads: Vec<Value> = vobiz.iter().map(|seen| seen.json()["payload"].clone()).collect();
    let passed: Vec<Value> = meta.iter().map(Seen::json).collect();
    assert_eq!(payloads, passed, "both are Meta's own words");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_of_every_dress_are_told_of_a_call_in_order_beside_a_dead_and_a_stuck_one() {
    told_of_a_call(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_had_not_told_is_told_by_the_next() {
    told_of_a_call(true).await.unwrap();
}

/// Where the number's call is in the log: ids by which Orbit's clients know its events.
async fn logged(house: &House) -> anyhow::Result<Vec<String>> {
    let url = format!("{}/api/v1/events?type=whatsapp.call.*&limit=200", house.url());
    let page: Value = house.http.get(url).bearer_auth(&house.api_key).send().await?.json().await?;
    let mut events = page["data"].as_array().context("events")?.clone();
    events.reverse();
    Ok(events.iter().filter_map(|event| event["id"].as_str()).map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_and_not_yet_delivered_outlives_a_kill() {
    let (tasks, customer) = (TaskTracker::new(), Customer::default());
    let url = customer.open(&tasks).await.unwrap();
    let mut house = House::start("relay").await.unwrap();
    let orbit = json!({ "url": format!("{url}/orbit"), "events": ["whatsapp.call.*"], "secret": SECRET });
    made(&house, "/api/v1/webhooks", orbit).await.unwrap();
    let vobiz = json!({ "url": format!("{url}/vobiz"), "secret": SECRET });
    made(&house, "/api/v1/messaging/webhooks", vobiz).await.unwrap();

    // Everything happens while the customer's server takes requests and answers none.
    customer.hang();
    let rings = house.http.post(format!("http://{}/control/calls", house.sim.addr()));
    let rings = rings.json(&json!({ "from": "+447700900104" })).send().await.unwrap();
    rings.error_for_status().unwrap();
    let call = house.row("queued").await.unwrap()["id"].as_str().unwrap().to_owned();
    made(&house, &format!("/api/v1/whatsapp/calling/calls/{call}/reject"), json!({})).await.unwrap();
    house.row("failed").await.unwrap();
    customer.until_waiting(2).await;
    let before = logged(&house).await.unwrap();
    assert!(before.len() >= 2, "{before:?}");
    assert_eq!((customer.told("orbit").len(), customer.told("vobiz").len()), (0, 0));

    house.restart().await.unwrap();
    customer.recover();
    let told = until("everything to be told", async || {
        let (orbit, vobiz) = (customer.told("orbit"), customer.told("vobiz"));
        Ok((orbit.len() >= before.len() && vobiz.len() >= 2).then_some((orbit, vobiz)))
    });
    let (orbit, vobiz) = told.await.unwrap();
    orbit.iter().chain(&vobiz).for_each(|seen| seen.verify(SECRET));
    let ids: Vec<&str> = orbit.iter().map(|seen| seen.header("x-devotel-event-id")).collect();
    assert_eq!(ids, logged(&house).await.unwrap(), "each once, in the order of the log");
    let kinds: Vec<&str> = vobiz.iter().map(|seen| seen.header("x-webhook-event")).collect();
    assert_eq!(kinds, ["call.connect", "call.terminate"]);
}

/// A user calls, and the call is rejected.
async fn rejected(house: &House, count: usize, from: &str) -> anyhow::Result<()> {
    let rings = house.http.post(format!("http://{}/control/calls", house.sim.addr()));
    rings.json(&json!({ "from": from })).send().await?.error_for_status()?;
    let newest = async |status: &str| {
        let row = until("the newest call", async || {
            let rows = house.rows().await?;
            Ok((rows.len() == count && rows[0]["status"] == status).then(|| rows[0].clone()))
        });
        row.await
    };
    let call = newest("queued").await?["id"].as_str().context("an id")?.to_owned();
    made(house, &format!("/api/v1/whatsapp/calling/calls/{call}/reject"), json!({})).await?;
    newest("failed").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_by_id_by_time_and_of_dead_letters_outlive_a_kill() {
    let (tasks, customer) = (TaskTracker::new(), Customer::default());
    let url = customer.open(&tasks).await.unwrap();
    let mut house = House::start("relay").await.unwrap();
    let orbit = json!({ "url": format!("{url}/orbit"), "events": ["whatsapp.call.*"], "secret": SECRET });
    let hook = made(&house, "/api/v1/webhooks", orbit).await.unwrap();
    let hook = format!("/api/v1/webhooks/{}", hook["data"]["id"].as_str().unwrap());
    let ids = |seen: &[Seen]| -> Vec<String> {
        seen.iter().map(|seen| seen.header("x-devotel-event-id").to_owned()).collect()
    };
    let came = async |count: usize| {
        let came = until("so many deliveries", async || {
            Ok(Some(customer.came("orbit")).filter(|came| came.len() >= count))
        });
        let came = came.await.unwrap();
        came.iter().for_each(|seen| seen.verify(SECRET));
        came
    };
    let replay = async |house: &House, what: Value| {
        let answer = made(house, &format!("{hook}/replay"), what).await.unwrap();
        usize::try_from(answer["data"]["deliveries"].as_u64().unwrap()).unwrap()
    };

    rejected(&house, 1, "+447700900104").await.unwrap();
    let log = logged(&house).await.unwrap();
    let told = came(log.len()).await;
    assert_eq!(ids(&told), log);

    // By id and by time: taken by a server that dies before it can deliver.
    customer.hang();
    assert_eq!(replay(&house, json!({ "event_id": log[0] })).await, 1);
    customer.until_waiting(1).await;
    let times = |field: usize| told[field].json()["created_at"].as_str().unwrap().to_owned();
    let all = json!({ "since": times(0), "until": "2999-01-01" });
    assert_eq!(replay(&house, all).await, log.len());
    house.restart().await.unwrap();
    customer.recover();
    let again = came(2 * log.len() + 1).await;
    assert_eq!(ids(&again)[log.len()..], [&log[..1], &log[..]].concat(), "in the order of the log");
    assert_eq!(again[log.len()].json()["data"], told[0].json()["data"], "as it was told first");

    // What is given up stays given up over a kill, until it is asked for.
    customer.go(true);
    rejected(&house, 2, "+447700900105").await.unwrap();
    let dead = async |house: &House| {
        let page = house.http.get(format!("{}{hook}/deliveries?state=dead", house.url()));
        let page: Value = page.bearer_auth(&house.api_key).send().await?.json().await?;
        Ok(page["data"].as_array().filter(|dead| !dead.is_empty()).cloned())
    };
    let given_up = until("a dead letter", async || dead(&house).await).await.unwrap();
    house.restart().await.unwrap();
    assert_eq!(dead(&house).await.unwrap().unwrap(), given_up);
    customer.go(false);
    let active = house.http.put(format!("{}{hook}", house.url())).bearer_auth(&house.api_key);
    active.json(&json!({ "active": true })).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(replay(&house, json!({ "dead": true })).await, given_up.len());
    let log = logged(&house).await.unwrap();
    let whole =
        until("everything", async || Ok(Some(customer.told("orbit")).filter(|told| told.len() == log.len())));
    let (mut told, mut log) = (ids(&whole.await.unwrap()), log);
    told.sort();
    log.sort();
    assert_eq!(told, log);
    assert!(dead(&house).await.unwrap().is_none(), "no longer dead");
}
