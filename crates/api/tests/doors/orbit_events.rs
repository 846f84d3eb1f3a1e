//! The history of events over REST and as a stream.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use offhook_core::call::State;
use offhook_core::event::Event;
use offhook_core::house::{KeyMode, Presence, Role};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::rig::{PATIENCE, Rig, eventually, tenant, user};

const PATH: &str = "/api/v1/events";

/// So many missed calls: two events each.
async fn missed(rig: &Rig, from: usize, to: usize) {
    for n in from..to {
        let wacid = format!("wacid.{n}");
        rig.rings(&wacid).await;
        eventually(|| (rig.memory.calls().len() == n + 1).then_some(()), "the call").await;
        rig.terminates(&wacid, "USER_INITIATED", None).await;
        let over = || rig.memory.calls().iter().all(|call| call.state.is_over()).then_some(());
        eventually(over, "the call's end").await;
        rig.clock.advance(Duration::from_secs(60));
    }
}

fn field(page: &Value, name: &str) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_history_is_paged_newest_first_without_repeats_or_gaps() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["events:read"]).await;
    missed(&rig, 0, 5).await;
    let mut seen = Vec::new();
    let mut path = format!("{PATH}?limit=3");
    loop {
        let page = rig.get(&path, &key).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        seen.extend(field(&page.json(), "id"));
        // What happens meanwhile comes before the first page.
        if seen.len() == 3 {
            missed(&rig, 5, 6).await;
        }
        match page.json()["meta"]["pagination"]["cursor"].as_str() {
            Some(cursor) => path = format!("{PATH}/?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    let all = field(&rig.get(&format!("{PATH}?limit=200"), &key).await.json(), "id");
    assert_eq!(all.len(), 12);
    assert_eq!(seen, all[2..], "newest first, each once");
}

#[tokio::test]
async fn the_history_narrows_by_type_time_and_resource() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    missed(&rig, 0, 3).await;
    rig.engine.note(&tenant(1), Event::Presence { person: user(1), presence: Presence::Away }).await.unwrap();
    let get = async |query: &str| rig.get(&format!("{PATH}?{query}"), &key).await;
    let types = async |query: &str| field(&get(query).await.json(), "type");
    assert_eq!(types("type=whatsapp.call.missed").await, ["whatsapp.call.missed"; 3]);
    assert_eq!(
        types("type=agent.presence_updated,call.failed").await,
        ["agent.presence_updated", "call.failed", "call.failed", "call.failed"]
    );
    assert_eq!(types("type=whatsapp.*").await.len(), 6);
    assert_eq!(types(&format!("resource_id={}", user(1).as_str())).await, ["agent.presence_updated"]);
    let second = rig.memory.calls()[1].id.to_string();
    let of_call = get(&format!("resource_id={second}")).await.json();
    assert_eq!(field(&of_call, "type"), ["whatsapp.call.missed", "whatsapp.call.incoming"]);
    assert_eq!(of_call["data"][0]["data"]["call_id"], second);
    assert_eq!(types("since=2026-11-02T09:16:00Z&until=2026-11-02T09:17:00Z").await.len(), 2);
    assert_eq!(get("type=nonsense").await.json()["error"]["details"]["invalid_events"], json!(["nonsense"]));
    assert_eq!(get("since=soon").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(get("cursor=cur_x").await.code(), "INVALID_CURSOR");
}

#[tokio::test]
async fn one_event_is_read_by_either_of_its_ids_and_by_its_own_company_only() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    missed(&rig, 0, 1).await;
    let both = rig.get(&format!("{PATH}?type=whatsapp.call.missed,call.failed"), &key).await.json();
    let ids = field(&both, "id");
    assert_eq!(ids.len(), 2);
    let stranger = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    for (id, event) in ids.iter().zip(both["data"].as_array().unwrap()) {
        assert_eq!(&rig.get(&format!("{PATH}/{id}"), &key).await.json()["data"], event);
        assert_eq!(rig.get(&format!("{PATH}/{id}"), &stranger).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(rig.get(PATH, &stranger).await.json()["data"], json!([]));
    assert_eq!(rig.get(&format!("{PATH}/evt_x"), &key).await.status, StatusCode::NOT_FOUND);
    let calls_only = rig.key(Role::Owner, &["calls:*"]).await;
    assert_eq!(rig.get(PATH, &calls_only).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn viewers_and_billing_see_masked_phones_and_no_sdp() {
    let rig = Rig::new().await;
    rig.rings("wacid.HBgMNDQ3NzAwOTAwMTIzFQ==").await;
    rig.until(State::Queued).await;
    for role in [Role::Viewer, Role::Billing] {
        let key = rig.key(role, &["events:read"]).await;
        let page = rig.get(PATH, &key).await;
        let data = &page.json()["data"][0]["data"];
        assert_eq!((&data["from"], &data["to"]), (&json!("+44770090****"), &json!("+1555010****")));
        assert!(!page.text.contains("900123") && !page.text.contains("HBgMNDQ3"), "{}", page.text);
        assert!(!page.text.contains("v=0"), "{}", page.text);
    }
}

/// A client of the stream: what an `EventSource` sees.
struct Listener(BufReader<TcpStream>);

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    id: String,
    kind: String,
    data: Value,
}

impl Listener {
    async fn open(address: SocketAddr, query: &str, headers: &[(&str, &str)]) -> (u16, Self) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut request = format!("GET {PATH}/stream?{query} HTTP/1.1\r\nhost: {address}\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
        }
        (status, Self(reader))
    }

    async fn next(&mut self) -> Seen {
        let reading = async {
            let mut seen = Seen { id: String::new(), kind: String::new(), data: Value::Null };
            loop {
                let mut line = String::new();
                assert!(self.0.read_line(&mut line).await.unwrap() > 0, "the stream has ended");
                // Chunk sizes and pings are skipped with everything else that is no field.
                match line.trim_end().split_once(": ").unwrap_or_default() {
                    ("id", id) => id.clone_into(&mut seen.id),
                    ("event", kind) => kind.clone_into(&mut seen.kind),
                    ("data", data) => seen.data = serde_json::from_str(data).unwrap(),
                    _ if line == "\n" && !seen.kind.is_empty() => return seen,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("an event")
    }

    async fn take(&mut self, count: usize) -> Vec<Seen> {
        let mut seen = Vec::new();
        for _ in 0..count {
            seen.push(self.next().await);
        }
        seen
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_goes_on_where_it_was() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let key = rig.key(Role::Owner, &["events:read"]).await;
    missed(&rig, 0, 1).await;
    let (status, mut listener) = Listener::open(address, "", &[("x-api-key", &key)]).await;
    assert_eq!(status, 200);
    missed(&rig, 1, 3).await;
    let mut seen = listener.take(3).await;
    drop(listener);
    missed(&rig, 3, 5).await;
    let last = seen.last().unwrap().id.clone();
    let (_, mut listener) =
        Listener::open(address, "", &[("x-api-key", &key), ("last-event-id", &last)]).await;
    seen.extend(listener.take(5).await);
    missed(&rig, 5, 6).await;
    seen.extend(listener.take(2).await);

    let mut all = field(&rig.get(&format!("{PATH}?limit=200"), &key).await.json(), "id");
    all.reverse();
    let ids: Vec<String> = seen.iter().map(|seen| seen.id.clone()).collect();
    assert_eq!(
        ids,
        all[2..],
        "what came before the first connection is history; the rest was seen once, in order"
    );
    for event in &seen {
        assert_eq!((&event.data["id"], &event.data["type"]), (&json!(event.id), &json!(event.kind)));
    }
}

#[tokio::test]
async fn a_stream_may_be_narrowed_and_take_its_key_from_the_query() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let key = rig.key(Role::Viewer, &["events:read"]).await;
    let query = format!("types=call.*,whatsapp.call.missed&token={key}");
    let (status, mut listener) = Listener::open(address, &query, &[]).await;
    assert_eq!(status, 200);
    missed(&rig, 0, 1).await;
    let seen = listener.take(3).await;
    let kinds: Vec<&str> = seen.iter().map(|seen| seen.kind.as_str()).collect();
    assert_eq!(kinds, ["call.initiated", "whatsapp.call.missed", "call.failed"]);
    assert_eq!(seen[1].data["data"]["from"], "+44770090****", "viewers see phones masked here too");
    // Seen the first name of two: the second is still to come.
    let query = format!("{query}&last_event_id={}", seen[1].id);
    let (_, mut listener) = Listener::open(address, &query, &[]).await;
    assert_eq!(listener.next().await.id, seen[2].id);

    assert_eq!(Listener::open(address, "token=wrong", &[]).await.0, 401);
    assert_eq!(Listener::open(address, "", &[]).await.0, 401);
    assert_eq!(Listener::open(address, &format!("types=x&token={key}"), &[]).await.0, 422);
}

#[tokio::test]
async fn a_client_whose_place_is_gone_is_told_to_begin_anew() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    for id in ["evt_00000000000000000000000000099999", "nonsense"] {
        let (_, mut listener) =
            Listener::open(address, "", &[("x-api-key", &key), ("last-event-id", id)]).await;
        assert_eq!(listener.next().await.kind, "stream.reset");
    }
}
