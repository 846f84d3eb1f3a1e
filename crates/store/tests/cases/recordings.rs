//! Recordings: what comes back, what is due, what stays deleted, and whose they are.

use offhook_core::id::{CallId, RecordingId};
use offhook_core::ports::{Recordings, RecordingsAfter, StoreFault};
use offhook_core::recording::{
    Consent, ConsentMode, DeletedWhy, PartyKind, RecordedParty, Recording, RecordingState, StoredSound,
};
use offhook_core::time::Time;

use crate::bench::{Bench, House, fresh, house, secs};

const DAY: i64 = 86_400;

pub(super) fn starting(house: &House, at: Time) -> Recording {
    Recording {
        id: RecordingId::from_uuid(fresh()),
        tenant: house.tenant.id.clone(),
        call: CallId::from_uuid(fresh()),
        state: RecordingState::Recording,
        started_at: at,
        ended_at: None,
        length_ms: 0,
        stored: None,
        parties: vec![RecordedParty { index: 0, kind: PartyKind::Customer, user: None }],
        wrapped_key: vec![1, 0, 255],
        consent: Consent { mode: ConsentMode::None, announced_at: None, announced_until: None },
        expires_at: at + std::time::Duration::from_secs(30 * 86_400),
        deleted: None,
    }
}

pub(super) fn finished(recording: &Recording, house: &House) -> Recording {
    let agent = RecordedParty { index: 1, kind: PartyKind::Agent, user: Some(house.agent.id.clone()) };
    Recording {
        state: RecordingState::Complete,
        ended_at: Some(secs(70)),
        length_ms: 61_234,
        stored: Some(StoredSound { bytes: 123_456, checksum: [9; 32] }),
        parties: [recording.parties.clone(), vec![agent]].concat(),
        consent: Consent {
            mode: ConsentMode::AnnounceAll,
            announced_at: Some(secs(3)),
            announced_until: Some(secs(7)),
        },
        ..recording.clone()
    }
}

pub(crate) async fn a_recording_comes_back_as_it_was_written(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let first = starting(&house, secs(10));
    store.insert(&first).await.unwrap();
    let (tenant, id) = (&first.tenant, &first.id);
    assert_eq!(Recordings::find(&store, tenant, id).await.unwrap().as_ref(), Some(&first));
    let again = store.insert(&first).await.unwrap_err();
    assert!(matches!(again, StoreFault::Exists(_)), "{again}");

    let whole = finished(&first, &house);
    assert!(store.update(&whole).await.unwrap());
    assert_eq!(Recordings::find(&store, tenant, id).await.unwrap().as_ref(), Some(&whole));
    assert_eq!(store.of_call(tenant, &first.call).await.unwrap(), [whole]);
    let nothing = starting(&house, secs(11));
    assert!(!store.update(&nothing).await.unwrap(), "there is no such recording");
    assert_eq!(Recordings::find(&store, tenant, &nothing.id).await.unwrap(), None);
}

pub(crate) async fn what_is_deleted_stays_deleted_and_keeps_no_key(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let whole = finished(&starting(&house, secs(10)), &house);
    store.insert(&whole).await.unwrap();
    for why in DeletedWhy::ALL {
        let gone = Recording { id: RecordingId::from_uuid(fresh()), ..whole.clone() };
        store.insert(&gone).await.unwrap();
        let gone = gone.into_deleted(secs(99), *why);
        assert!(store.update(&gone).await.unwrap());
        assert!(!store.update(&Recording { id: gone.id.clone(), ..whole.clone() }).await.unwrap());
        assert_eq!(Recordings::find(&store, &gone.tenant, &gone.id).await.unwrap(), Some(gone));
    }
    let keys = "SELECT COUNT(*) FROM recordings WHERE state = 'deleted' AND length(wrapped_key) > 0";
    assert_eq!(database.count(keys).await, 0);
}

pub(crate) async fn recordings_are_due_when_their_retention_ends(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let mut whole = Vec::new();
    for day in 0..3 {
        let recording = finished(&starting(&house, secs(day * DAY)), &house);
        store.insert(&recording).await.unwrap();
        whole.push(recording);
    }
    let live = Recording { expires_at: secs(0), ..starting(&house, secs(0)) };
    let paused =
        Recording { state: RecordingState::Paused, id: RecordingId::from_uuid(fresh()), ..live.clone() };
    let waiting = Recording { state: RecordingState::Truncated, ..starting(&house, secs(50 * DAY)) };
    for recording in [&live, &paused, &waiting] {
        store.insert(recording).await.unwrap();
    }
    assert_eq!(store.due(secs(29 * DAY), 10).await.unwrap(), []);
    assert_eq!(store.due(secs(31 * DAY), 10).await.unwrap(), whole[..2]);
    assert_eq!(store.due(secs(31 * DAY), 1).await.unwrap(), whole[..1]);
    let gone = whole[0].clone().into_deleted(secs(31 * DAY), DeletedWhy::Expired);
    store.update(&gone).await.unwrap();
    assert_eq!(store.due(secs(31 * DAY), 10).await.unwrap(), whole[1..2]);
    assert_eq!(store.unfinished().await.unwrap(), [live, paused, waiting]);
}

pub(crate) async fn recordings_are_listed_newest_first_in_pages_of_their_tenant(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let mut expected = Vec::new();
    for at in 0..7 {
        let recording = starting(&ours, secs(at / 2));
        store.insert(&recording).await.unwrap();
        expected.insert(0, recording.id);
    }
    let other = finished(&starting(&theirs, secs(2)), &theirs);
    store.insert(&other).await.unwrap();
    let us = &ours.tenant.id;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(us, &RecordingsAfter { after: after.take(), limit: 3 }).await.unwrap();
        seen.extend(page.recordings.iter().map(|r| r.id.clone()));
        after = page.recordings.last().map(|r| (r.started_at, r.id.clone()));
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen, expected);

    assert_eq!(Recordings::find(&store, us, &other.id).await.unwrap(), None);
    assert_eq!(store.of_call(us, &other.call).await.unwrap(), []);
    let stolen = Recording { tenant: us.clone(), length_ms: 1, ..other.clone() };
    assert!(!store.update(&stolen).await.unwrap());
    assert!(store.insert(&stolen).await.is_err());
    assert_eq!(Recordings::find(&store, &theirs.tenant.id, &other.id).await.unwrap(), Some(other));
}
