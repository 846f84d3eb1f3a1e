//! Meta's knocks.

use offhook_core::id::MetaNumberId;
use offhook_core::meta::{Direction, MetaEvent, MetaEventKind, Party, PermissionReply};
use offhook_core::ports::{Inbox, Knock, News};
use offhook_core::sdp::Sdp;

use super::calls::together;
use crate::bench::{Bench, phone, secs, wacid};

pub(crate) fn call_news(id: &str) -> News {
    News::Call(MetaEvent {
        wacid: wacid(id),
        number: MetaNumberId::parse("106540352539991").unwrap(),
        at: secs(1),
        direction: Some(Direction::Inbound),
        opaque: None,
        party: Party { phone: Some(phone("+447700900123")), ..Party::default() },
        kind: MetaEventKind::Connect { sdp: Some(Sdp::new("v=0\r\n")) },
    })
}

fn permission_news() -> News {
    News::Permission(PermissionReply {
        number: MetaNumberId::parse("106540352539991").unwrap(),
        party: Party { phone: Some(phone("+447700900123")), ..Party::default() },
        at: secs(1),
        granted: true,
        expires_at: Some(secs(900)),
        automatic: false,
    })
}

fn knock(key: &str, news: News) -> Knock {
    Knock { key: key.to_owned(), received_at: secs(2), raw: format!("{{\"id\":\"{key}\"}}"), news }
}

pub(crate) async fn a_redelivered_knock_is_kept_once(database: &Bench) {
    let store = database.open().await;
    let batch =
        [knock("a", call_news("wacid.a")), knock("b", permission_news()), knock("a", call_news("wacid.x"))];
    assert_eq!(store.take_in(&batch).await.unwrap(), 2);
    assert_eq!(store.take_in(&batch).await.unwrap(), 0);
    assert_eq!(store.take_in(&[]).await.unwrap(), 0);
    let more = [knock("b", call_news("wacid.b")), knock("c", call_news("wacid.c"))];
    assert_eq!(store.take_in(&more).await.unwrap(), 1);

    let told: Vec<_> = store.pending(0, 10).await.unwrap().into_iter().map(|knocked| knocked.news).collect();
    assert_eq!(told, [call_news("wacid.a"), permission_news(), call_news("wacid.c")]);

    // Dealt with is not forgotten: a late redelivery stays known.
    let ids: Vec<i64> = store.pending(0, 10).await.unwrap().iter().map(|knocked| knocked.id).collect();
    store.done(&ids).await.unwrap();
    assert_eq!(store.take_in(&batch).await.unwrap(), 0);
    assert_eq!(store.pending(0, 10).await.unwrap(), []);
}

pub(crate) async fn knocks_wait_in_order_until_they_are_dealt_with(database: &Bench) {
    let store = database.open().await;
    let kept = knock("kept", News::Kept { why: "unknown field \"account_alerts\"".to_owned() });
    for at in 0..5 {
        let (first, second) = (format!("k{at}a"), format!("k{at}b"));
        let batch = [knock(&first, call_news(&first)), kept.clone(), knock(&second, call_news(&second))];
        store.take_in(&batch).await.unwrap();
    }
    let waiting = store.pending(0, 100).await.unwrap();
    let expected: Vec<_> = (0..5).flat_map(|at| [format!("k{at}a"), format!("k{at}b")]).collect();
    assert_eq!(
        waiting.iter().map(|k| k.news.clone()).collect::<Vec<_>>(),
        expected.iter().map(|k| call_news(k)).collect::<Vec<_>>()
    );
    assert!(waiting.is_sorted_by(|a, b| a.id < b.id));
    assert!(waiting.iter().all(|knocked| knocked.received_at == secs(2)));

    assert_eq!(store.pending(0, 3).await.unwrap(), waiting[..3]);
    assert_eq!(store.pending(waiting[2].id, 100).await.unwrap(), waiting[3..]);
    store.done(&[waiting[0].id, waiting[4].id, waiting[4].id, i64::MAX]).await.unwrap();
    store.done(&[]).await.unwrap();
    let left: Vec<_> = [1, 2, 3, 5, 6, 7, 8, 9].map(|at: usize| waiting[at].clone()).to_vec();
    assert_eq!(store.pending(0, 100).await.unwrap(), left);
}

pub(crate) async fn old_knocks_are_forgotten_once_they_are_dealt_with(database: &Bench) {
    let store = database.open().await;
    let at = |key: &str, second| Knock { received_at: secs(second), ..knock(key, call_news(key)) };
    store.take_in(&[at("old", 10), at("open", 10), at("young", 20)]).await.unwrap();
    let ids: Vec<i64> = store.pending(0, 10).await.unwrap().iter().map(|knocked| knocked.id).collect();
    store.done(&[ids[0], ids[2]]).await.unwrap();

    assert_eq!(store.forget(secs(10)).await.unwrap(), 0);
    assert_eq!(store.forget(secs(20)).await.unwrap(), 1);
    assert_eq!(store.forget(secs(20)).await.unwrap(), 0);
    assert_eq!(store.raw(ids[0]).await.unwrap(), None);
    assert!(store.raw(ids[2]).await.unwrap().is_some(), "it is young");
    assert_eq!(store.pending(0, 10).await.unwrap().len(), 1, "nobody has dealt with it");

    // A place is not given out twice.
    store.done(&ids).await.unwrap();
    assert_eq!(store.forget(secs(30)).await.unwrap(), 2);
    store.take_in(&[at("new", 40)]).await.unwrap();
    assert!(store.pending(ids[2], 10).await.unwrap().len() == 1, "who reads on from the last place sees it");
}

pub(crate) async fn a_knock_with_any_text_is_kept(database: &Bench) {
    let store = database.open().await;
    let mut odd = knock("nul\0key", call_news("wacid.\0\u{1F600}"));
    odd.raw = "{\"name\":\"\0 \u{202E} '; DROP TABLE inbox; --\"}".to_owned();
    assert_eq!(store.take_in(&[odd.clone()]).await.unwrap(), 1);
    assert_eq!(store.take_in(&[odd.clone()]).await.unwrap(), 0);
    assert_eq!(store.pending(0, 10).await.unwrap()[0].news, odd.news);
}

pub(crate) async fn an_unreadable_knock_stops_no_other(database: &Bench) {
    let store = database.open().await;
    store.take_in(&[knock("a", call_news("wacid.a")), knock("b", call_news("wacid.b"))]).await.unwrap();
    database.sql("UPDATE inbox SET news = '{\"call\": 7}' WHERE fact_key = 'a'").await;

    let told: Vec<_> = store.pending(0, 10).await.unwrap().into_iter().map(|knocked| knocked.news).collect();
    let set_aside = News::Kept { why: "stored news cannot be read".to_owned() };
    assert_eq!(told, [set_aside, call_news("wacid.b")]);
}

pub(crate) async fn of_redeliveries_at_the_same_time_one_is_new(database: &Bench) {
    let store = database.open().await;
    // The same webhook in two orders, as two deliveries of one batch may be.
    let forth: Vec<_> =
        (0..10).map(|at| knock(&format!("k{at}"), call_news(&format!("wacid.{at}")))).collect();
    let back: Vec<_> = forth.iter().rev().cloned().collect();
    let answers = together((0..16).map(|at| {
        let (store, batch) = (store.clone(), if at % 2 == 0 { forth.clone() } else { back.clone() });
        async move { store.take_in(&batch).await.unwrap() }
    }))
    .await;
    assert_eq!(answers.iter().sum::<usize>(), 10);
    assert_eq!(store.pending(0, 100).await.unwrap().len(), 10);
}
