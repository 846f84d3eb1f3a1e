//! How quick lists, searches and figures are over many calls: `cargo run --release --example million -- FILE N`.
use std::time::{Duration, Instant};

use offhook_core::bill::{Bill, Currency, Price, Rate};
use offhook_core::call::record::Facts;
use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::house::MediaMode;
use offhook_core::id::*;
use offhook_core::meta::{Direction, Party, Terminate};
use offhook_core::phone::Phone;
use offhook_core::ports::*;
use offhook_core::search::Search;
use offhook_core::time::Time;
use offhook_store::{MasterKey, Store};
use uuid::Uuid;

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1).unwrap();
    let n: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let store = Store::open(&format!("sqlite:{file}"), MasterKey::from_bytes([7; 32])).await.unwrap();
    let begin = 1_762_000_000i64;
    let tenants = Tenants::all(&store).await.unwrap();
    let tenant = if let Some(t) = tenants.into_iter().next() {
        t
    } else {
        let t = Tenants::add(
            &store,
            NewTenant {
                id: TenantId::from_uuid(Uuid::from_u128(1)),
                name: "x".into(),
                at: Time::from_secs(0),
            },
        )
        .await
        .unwrap();
        let mut numbers = vec![];
        for i in 0..5u8 {
            numbers.push(
                Numbers::add(
                    &store,
                    NewNumber {
                        id: NumberId::from_uuid(Uuid::from_u128(100 + u128::from(i))),
                        tenant: t.id.clone(),
                        meta_id: MetaNumberId::parse(&format!("10000000000{i}")).unwrap(),
                        waba_id: "1".into(),
                        phone: Phone::parse("+15550100200").unwrap(),
                        media_mode: MediaMode::Relay,
                        access_token: "t".into(),
                        at: Time::from_secs(0),
                    },
                )
                .await
                .unwrap()
                .id,
            );
        }
        let began = Instant::now();
        let mut seed = 88172645463325252u64;
        let mut rnd = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let first = [
            "Rui", "Maria", "John", "Zoë", "Ana", "Peter", "Olga", "Kofi", "Wei", "Fatima", "Luca", "Emma",
            "Noah", "Lea", "Ivan", "Sara",
        ];
        let last = [
            "Faria", "Silva", "Smith", "Okoye", "Müller", "Rossi", "Ivanov", "Wang", "Kowalski", "Dubois",
            "Garcia", "Novak", "Haddad", "Sato", "Kim", "Singh",
        ];
        let rate = Rate {
            currency: Currency::parse("USD").unwrap(),
            per_minute: Price::parse("0.0205").unwrap(),
            per_pulse: None,
        };
        let mut batch = vec![];
        for i in 0..n {
            let at = Time::from_secs(begin + (i as i64) * 31_536_000 / n as i64)
                + Duration::from_micros(rnd() % 1_000_000);
            let direction = if rnd() % 3 == 0 { Direction::Outbound } else { Direction::Inbound };
            let (state, reason) = match rnd() % 100 {
                0..=59 => (State::Completed, EndReason::RemoteHangup),
                60..=89 => (State::Missed, EndReason::CallerAbandoned),
                90..=95 => (State::Rejected, EndReason::Declined),
                _ => (State::Failed, EndReason::ProviderError),
            };
            let talked = (rnd() % 600) as u32;
            let answered = state == State::Completed;
            let name = format!("{} {}", first[(rnd() % 16) as usize], last[(rnd() % 16) as usize]);
            let phone = Phone::parse(&format!(
                "{}{:09}",
                ["351", "44", "1415", "49"][(rnd() % 4) as usize],
                rnd() % 1_000_000_000
            ))
            .unwrap();
            batch.push(CallRecord {
                id: CallId::from_uuid(Uuid::from_u128(
                    (u128::from(at.as_micros() as u64 / 1000) << 80) | (7 << 76) | (u128::from(i) << 8),
                )),
                tenant: t.id.clone(),
                number: numbers[[0, 0, 0, 0, 1, 1, 1, 2, 2, 3][(rnd() % 10) as usize]].clone(),
                direction,
                media_mode: MediaMode::Relay,
                correlation: None,
                conversation_id: (rnd() % 2 == 0).then(|| format!("conv_{}", i)),
                version: 1,
                created_at: at,
                updated_at: at,
                state,
                end_reason: Some(reason),
                agent: None,
                facts: Facts {
                    wacid: None,
                    party: Party { phone: Some(phone), user_id: None, name: Some(name) },
                    offer: Some(offhook_core::sdp::Sdp::new("v=0".repeat(100))),
                    terminate: Some(Terminate {
                        at,
                        started_at: answered.then_some(at),
                        ended_at: Some(at + Duration::from_secs(u64::from(talked))),
                        duration_secs: answered.then_some(talked),
                        error: None,
                    }),
                    bill: Some(Bill::by(rate.clone(), direction, answered.then_some(talked))),
                    ..Facts::default()
                },
            });
            if batch.len() == 2000 || i + 1 == n {
                store.bring_in(&batch).await.unwrap();
                batch.clear();
                if (i + 1) % 100_000 == 0 {
                    eprintln!("{} after {:?}", i + 1, began.elapsed());
                }
            }
        }
        t
    };
    let number = |i: u8| NumberId::from_uuid(Uuid::from_u128(100 + u128::from(i)));
    let search =
        |text: &str| CallFilter { search: Some(Search::parse(text, true).unwrap()), ..CallFilter::default() };
    let s = |state| (state, None);
    let filters: Vec<(&str, CallFilter)> = vec![
        ("all", CallFilter::default()),
        ("direction", CallFilter { direction: Some(Direction::Outbound), ..Default::default() }),
        ("failed", CallFilter { states: vec![s(State::Failed), s(State::Rejected)], ..Default::default() }),
        ("live", CallFilter { states: vec![s(State::Connected)], ..Default::default() }),
        ("all states", CallFilter { states: State::ALL.into_iter().map(s).collect(), ..Default::default() }),
        ("number3", CallFilter { number: Some(number(3)), ..Default::default() }),
        ("number4 (empty)", CallFilter { number: Some(number(4)), ..Default::default() }),
        (
            "number4 missed in",
            CallFilter {
                number: Some(number(4)),
                direction: Some(Direction::Inbound),
                states: vec![s(State::Missed)],
                ..Default::default()
            },
        ),
        (
            "numbers 2,3,4 failed",
            CallFilter {
                numbers: Some(vec![number(2), number(3), number(4)]),
                states: vec![s(State::Failed)],
                ..Default::default()
            },
        ),
        ("q rui faria", search("rui faria")),
        ("q zoë", search("zoë")),
        ("q r", search("r")),
        ("q ru", search("ru")),
        ("q zq", search("zq")),
        ("q 351", search("351")),
        ("q 35191234", search("35191234")),
        ("q 7", search("7")),
        ("q 415 999", search("415999")),
        ("q conv_777777", search("conv_777777")),
        ("q conv_", search("conv_")),
        ("q uisil (none)", search("uisil")),
        ("q maria smithx", search("maria smithx")),
        ("q aria ros", search("aria ros")),
        (
            "q rui failed num3",
            CallFilter { number: Some(number(3)), states: vec![s(State::Failed)], ..search("rui") },
        ),
        ("q rui num4", CallFilter { number: Some(number(4)), ..search("rui") }),
        ("q rui live", CallFilter { states: vec![s(State::Connected)], ..search("rui") }),
        ("q rui old", CallFilter { until: Some(Time::from_secs(begin + 100_000)), ..search("rui") }),
        ("q 123456", search("123456")),
        ("q 1234567", search("1234567")),
        ("q 0000", search("0000")),
    ];
    for (name, filter) in &filters {
        let mut spans = vec![];
        let mut found = 0;
        for _ in 0..20 {
            let began = Instant::now();
            let page =
                Calls::list(&store, &tenant.id, filter, &PageAfter { after: None, limit: 25 }).await.unwrap();
            spans.push(began.elapsed());
            found = page.calls.len();
        }
        spans.sort();
        let deep = Time::from_secs(begin + 15_000_000);
        let began = Instant::now();
        Calls::list(
            &store,
            &tenant.id,
            filter,
            &PageAfter { after: Some((deep, CallId::from_uuid(Uuid::from_u128(0)))), limit: 25 },
        )
        .await
        .unwrap();
        println!("{name:>24} {found:>4} p50 {:?} max {:?} deep {:?}", spans[10], spans[19], began.elapsed());
    }
    for (name, numbers) in [
        ("figures", None),
        ("figures one", Some(vec![number(0)])),
        ("figures five", Some((0..5).map(number).collect())),
    ] {
        let ask = FiguresAsk {
            numbers,
            stretches: vec![Stretch {
                from: Time::from_secs(begin / 900 * 900),
                until: Time::from_secs(begin / 900 * 900 + 365 * 86_400),
                ahead_secs: 3600,
            }],
        };
        let mut spans = vec![];
        for _ in 0..20 {
            let b = Instant::now();
            assert!(store.by_day(&tenant.id, &ask).await.unwrap().len() > 300);
            spans.push(b.elapsed());
        }
        spans.sort();
        println!("{name:>24} p50 {:?} max {:?}", spans[10], spans[19]);
    }
}
