//! Keys, sessions, tickets.

use offhook_core::house::{ApiKey, KeyMode, Person, Role};
use offhook_core::ports::{Keys, NewKey, Sessions, Ticket};
use offhook_store::Store;

use super::calls::together;
use crate::bench::{Bench, House, house, key_id, secs};

pub(crate) fn new_key(house: &House) -> NewKey {
    let key = ApiKey::new(key_id(), house.tenant.id.clone(), Role::Developer);
    let scopes = vec!["calls:read".to_owned(), "calls:write".to_owned()];
    NewKey::of(ApiKey { scopes, ..key }, secs(0))
}

pub(crate) async fn a_key_works_until_it_expires_or_is_revoked(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let lasting = new_key(&house);
    let minted = store.mint(lasting.clone()).await.unwrap();
    assert!(minted.text.starts_with("wab_live_sk_"));
    assert_eq!(minted.id, lasting.key.id);
    assert_eq!(Keys::check(&store, &minted.text, secs(1)).await.unwrap(), Some(lasting.key.clone()));

    let mut brief = new_key(&house);
    brief.key.mode = KeyMode::Test;
    brief.expires_at = Some(secs(10));
    let short = store.mint(brief.clone()).await.unwrap();
    assert!(short.text.starts_with("wab_test_sk_"));
    assert_eq!(Keys::check(&store, &short.text, secs(9)).await.unwrap(), Some(brief.key));
    assert_eq!(Keys::check(&store, &short.text, secs(10)).await.unwrap(), None);

    store.revoke(&house.tenant.id, &minted.id, secs(1), None).await.unwrap().unwrap();
    assert_eq!(Keys::check(&store, &minted.text, secs(1)).await.unwrap(), None);
}

pub(crate) async fn a_key_with_a_wrong_secret_is_refused(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let text = store.mint(new_key(&house)).await.unwrap().text;
    let other = store.mint(new_key(&house)).await.unwrap().text;
    let (prefix, lookup, secret) = (&text[..12], &text[12..34], &text[34..77]);

    // Well-formed keys that were never made: their checksums are right.
    let wrong_secret = with_checksum(&format!("{prefix}{lookup}{}", &other[34..77]));
    let unknown = with_checksum(&format!("{prefix}{}{secret}", "0".repeat(22)));
    let wrong_mode = with_checksum(&format!("wab_test_sk_{lookup}{secret}"));
    let same = with_checksum(&format!("{prefix}{lookup}{secret}"));
    assert_eq!(same, text);
    for (shown, why) in [(&wrong_secret, "secret"), (&unknown, "look-up"), (&wrong_mode, "mode")] {
        assert_eq!(Keys::check(&store, shown, secs(1)).await.unwrap(), None, "{why}");
    }
    for shown in ["", "wab_live_sk_", "Bearer token", &text[..82], &format!("{text} ")] {
        assert_eq!(Keys::check(&store, shown, secs(1)).await.unwrap(), None);
    }
}

/// Another reading of the key's checksum: CRC-32 in base 62, six digits.
fn with_checksum(covered: &str) -> String {
    let digits: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
    let crc = u64::from(crc32fast::hash(covered.as_bytes()));
    let check: String =
        (0..6).rev().map(|place| digits[usize::try_from(crc / 62_u64.pow(place) % 62).unwrap()]).collect();
    format!("{covered}{check}")
}

pub(crate) async fn a_key_may_select_one_number(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let mut new = new_key(&ours);
    new.key.number = Some(ours.number.id.clone());
    let text = store.mint(new.clone()).await.unwrap().text;
    assert_eq!(Keys::check(&store, &text, secs(1)).await.unwrap(), Some(new.key));

    let mut strange = new_key(&ours);
    strange.key.number = Some(theirs.number.id.clone());
    assert!(store.mint(strange).await.is_err());
}

async fn person_of(store: &Store, secret: &str, at: i64) -> Option<Person> {
    Sessions::opened(store, secret, secs(at)).await.unwrap().map(|session| session.person)
}

pub(crate) async fn a_session_lasts_until_it_is_closed_or_expires(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let person = &house.agent;
    let first = Sessions::open(&store, person, secs(0), secs(10)).await.unwrap();
    let second = Sessions::open(&store, person, secs(0), secs(10)).await.unwrap();
    assert_ne!(first, second);
    assert!(first.len() >= 43, "256 bits");

    assert_eq!(person_of(&store, &first, 9).await.as_ref(), Some(person));
    assert_eq!(person_of(&store, &first, 10).await, None);
    assert_eq!(person_of(&store, "unknown", 1).await, None);
    Sessions::close(&store, &first).await.unwrap();
    Sessions::close(&store, &first).await.unwrap();
    assert_eq!(person_of(&store, &first, 1).await, None);
    assert_eq!(person_of(&store, &second, 1).await.as_ref(), Some(person));
}

pub(crate) async fn a_ticket_lets_in_once_and_in_time(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let ticket = Ticket { person: house.agent.clone(), until: secs(60), by: None };
    let secret = store.issue_ticket(&ticket).await.unwrap();
    assert_eq!(store.take_ticket(&secret, secs(59)).await.unwrap(), Some(ticket.clone()));
    assert_eq!(store.take_ticket(&secret, secs(59)).await.unwrap(), None);

    let late = store.issue_ticket(&ticket).await.unwrap();
    assert_eq!(store.take_ticket(&late, secs(60)).await.unwrap(), None);
    assert_eq!(store.take_ticket(&late, secs(1)).await.unwrap(), None);
    assert_eq!(store.take_ticket("", secs(1)).await.unwrap(), None);
}

pub(crate) async fn of_two_who_show_a_ticket_one_gets_in(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let secret =
        store.issue_ticket(&Ticket { person: house.agent, until: secs(60), by: None }).await.unwrap();
    let answers = together((0..8).map(|_| {
        let (store, secret) = (store.clone(), secret.clone());
        async move { store.take_ticket(&secret, secs(1)).await.unwrap().is_some() }
    }))
    .await;
    assert_eq!(answers.iter().filter(|let_in| **let_in).count(), 1);
}

pub(crate) async fn expired_sessions_and_tickets_are_swept(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let ticket = Ticket { person: house.agent.clone(), until: secs(60), by: None };
    for _ in 0..3 {
        Sessions::open(&store, &house.agent, secs(0), secs(10)).await.unwrap();
        store.issue_ticket(&ticket).await.unwrap();
    }
    Sessions::open(&store, &house.agent, secs(10), secs(20)).await.unwrap();
    store.take_ticket("unknown", secs(60)).await.unwrap();
    assert_eq!(database.count("SELECT COUNT(*) FROM sessions").await, 1);
    assert_eq!(database.count("SELECT COUNT(*) FROM tickets").await, 0);
}
