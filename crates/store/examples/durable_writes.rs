//! How long a durable write takes on this disk: a webhook's intake and a call's commit, alone and in a crowd.
//!
//! `cargo run -p offhook-store --example durable_writes -- [FOLDER]`: SQLite in a throw-away folder inside
//! FOLDER, by default the current one, because a memory file system would flatter.

#![expect(clippy::print_stdout, reason = "printing is what a bench is for")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use hdrhistogram::Histogram;
use offhook_core::call::record::Facts;
use offhook_core::call::{CallRecord, Commit, State};
use offhook_core::event::{CallEvent, Event};
use offhook_core::house::{BusinessNumber, MediaMode};
use offhook_core::id::{CallId, MetaNumberId, NumberId, TenantId, Wacid};
use offhook_core::meta::{Direction, MetaEvent, MetaEventKind, Party};
use offhook_core::phone::Phone;
use offhook_core::ports::{Calls, Inbox, Knock, NewNumber, NewTenant, News, Numbers, Tenants};
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;
use offhook_store::{MasterKey, Store};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Calls each writer brings.
const CALLS: u64 = 125;

#[tokio::main]
async fn main() -> Outcome<()> {
    let parent = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let folder = tempfile::tempdir_in(parent)?;
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    let store = Store::open(&url, MasterKey::from_bytes([7; 32])).await?;
    let number = number(&store).await?;
    for writers in [1, 8, 64] {
        measure(&store, &number, writers).await?;
    }
    store.close().await;
    Ok(())
}

async fn measure(store: &Store, number: &BusinessNumber, writers: u64) -> Outcome<()> {
    let start = Instant::now();
    let mut crowd = JoinSet::new();
    for writer in 0..writers {
        let (store, number) = (store.clone(), number.clone());
        crowd.spawn(async move { write(&store, &number, writers * 1_000_000 + writer * 10_000).await });
    }
    let (mut intake, mut commit) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    while let Some(done) = crowd.join_next().await {
        for (taken, committed) in done?? {
            intake.record(micros(taken))?;
            commit.record(micros(committed))?;
        }
    }
    let rate = (intake.len() + commit.len()) as f64 / start.elapsed().as_secs_f64();
    println!("{writers:>3} at once: {rate:>6.0} durable writes/s");
    for (what, times) in [("take_in", intake), ("commit", commit)] {
        let at = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
        println!("    {what:<8} p50 {:>7.2} ms  p99 {:>7.2} ms  max {:>7.2} ms", at(0.5), at(0.99), at(1.0));
    }
    Ok(())
}

/// One webhook and one commit after the other, and how long each took.
async fn write(store: &Store, number: &BusinessNumber, first: u64) -> Outcome<Vec<(Duration, Duration)>> {
    let mut times = Vec::new();
    for place in first..first + CALLS {
        let record = call(number, place);
        let knock = Knock {
            key: format!("{place}"),
            received_at: record.created_at,
            raw: "{}".repeat(500),
            news: News::Call(MetaEvent {
                wacid: record.facts.wacid.clone().ok_or("set below")?,
                number: number.meta_id.clone(),
                at: record.created_at,
                direction: Some(Direction::Inbound),
                opaque: None,
                party: record.facts.party.clone(),
                kind: MetaEventKind::Connect { sdp: record.facts.offer.clone() },
            }),
        };
        let start = Instant::now();
        store.take_in(&[knock]).await?;
        let taken = start.elapsed();
        let tell = |what| Event::Call {
            call: record.id.clone(),
            owner: None,
            seated: Default::default(),
            what,
            glance: None,
        };
        let events = vec![tell(CallEvent::Incoming), tell(CallEvent::Ringing)];
        let commit = Commit { record, events };
        let start = Instant::now();
        store.commit(&commit).await?;
        times.push((taken, start.elapsed()));
    }
    Ok(times)
}

async fn number(store: &Store) -> Outcome<BusinessNumber> {
    let at = Time::from_secs(1_790_000_000);
    let id = TenantId::from_uuid(Uuid::from_u128(1));
    let tenant = Tenants::add(store, NewTenant { id, name: "Bench".to_owned(), at }).await?;
    let new = NewNumber {
        id: NumberId::from_uuid(Uuid::from_u128(2)),
        tenant: tenant.id,
        meta_id: MetaNumberId::parse("106540352539991").ok_or("digits")?,
        waba_id: "1".to_owned(),
        phone: Phone::parse("+15550783881")?,
        media_mode: MediaMode::Relay,
        sandbox: false,
        access_token: "token".to_owned(),
        at,
    };
    Ok(Numbers::add(store, new).await?)
}

fn call(number: &BusinessNumber, place: u64) -> CallRecord {
    let at = Time::from_secs(1_790_000_000);
    let facts = Facts {
        wacid: Wacid::new(format!("wacid.{place}")),
        party: Party { phone: Phone::parse("+447700900123").ok(), ..Party::default() },
        offer: Some(Sdp::new("a=candidate:1 1 udp 2130706431 203.0.113.7 3478 typ host\r\n".repeat(40))),
        connect_at: Some(at),
        ..Facts::default()
    };
    CallRecord {
        id: CallId::from_uuid(Uuid::from_u128(u128::from(place))),
        tenant: number.tenant.clone(),
        number: number.id.clone(),
        direction: Direction::Inbound,
        media_mode: MediaMode::Relay,
        correlation: None,
        conversation_id: None,
        version: 1,
        created_at: at,
        updated_at: at,
        state: State::Ringing,
        end_reason: None,
        agent: None,
        facts,
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
