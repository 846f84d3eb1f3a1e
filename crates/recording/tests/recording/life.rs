//! What becomes of recordings in storage: kept sealed, listened to, expired, erased.

use futures_util::TryStreamExt;
use offhook_core::id::TenantId;
use offhook_core::recording::{DeletedWhy, RecordingState};
use offhook_recording::vault::Vault;
use offhook_recording::{ListenFault, Selection, What};

use crate::rig::{AGENT, CUSTOMER, Mouth, RETENTION, Rig, Running, fresh, secs, whole};

/// Records two people for two seconds.
async fn record(rig: &Rig, running: &mut Running) -> offhook_recording::Start {
    let start = rig.two();
    let take = running.recorder.start(start.clone()).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, 440.0), Mouth::new(AGENT, 1_000.0));
    rig.talk(&take, secs(2), &mut [&mut customer, &mut agent]);
    running.finish(take).await;
    start
}

fn folder(root: &std::path::Path) -> Vault {
    Vault::open(&format!("file:{}", root.join("recordings").display()), &[]).unwrap()
}

#[tokio::test]
async fn what_is_stored_says_nothing_without_the_key() {
    let rig = Rig::with(folder);
    let mut running = rig.open().await;
    let start = record(&rig, &mut running).await;
    let listed = rig.vault.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    let (name, size) = &listed[0];
    assert_eq!(*name, format!("{}/{}.sealed", rig.tenant, start.recording));
    let bytes = rig.vault.raw(name).await.unwrap();
    for canary in [b"OpusHead".as_slice(), b"OpusTags", b"OggS"] {
        assert!(!bytes.windows(canary.len()).any(|window| window == canary));
    }
    let row = rig.row(&start.recording);
    let stored = row.stored.unwrap();
    assert_eq!(stored.bytes, *size);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    assert_eq!(stored.checksum, hash.as_ref());

    // The same scan over a spool that is being written.
    let take = running.recorder.start(rig.two()).unwrap();
    let id = take.recording().clone();
    rig.talk(&take, secs(2), &mut [&mut Mouth::new(CUSTOMER, 440.0)]);
    take.pause().unwrap();
    rig.until_row(&id, |row| row.state == RecordingState::Paused).await;
    let spool = rig.spool().join(format!("{id}.live"));
    let bytes = std::fs::read(&spool).unwrap();
    assert!(!bytes.windows(4).any(|window| window == b"Opus" || window == b"OggS"));
    for path in [spool.as_path(), &rig.spool()] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "for the owner's eyes only");
    }
    running.recorder.close().await;
}

#[tokio::test]
async fn a_recording_is_its_tenants_alone() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = record(&rig, &mut running).await;
    let stranger = TenantId::from_uuid(fresh());
    let opened = running.recorder.library().open(&stranger, &start.recording, Selection::Mixed).await;
    assert!(matches!(opened, Err(ListenFault::NotFound)));
    assert_eq!(running.recorder.erase_call(&stranger, &start.call).await, Ok(0));
    assert!(running.file(&rig, &start.recording, Selection::Mixed).await.is_ok());
    running.recorder.close().await;
}

#[tokio::test]
async fn a_changed_object_is_refused_and_not_played_to_its_end() {
    let rig = Rig::with(folder);
    let mut running = rig.open().await;
    let (one, other) = (record(&rig, &mut running).await, record(&rig, &mut running).await);
    let path = |start: &offhook_recording::Start| {
        rig.spool().join(format!("../recordings/{}/{}.sealed", rig.tenant, start.recording))
    };
    let good = std::fs::read(path(&one)).unwrap();
    let stranger = std::fs::read(path(&other)).unwrap();
    let mut bent = good.clone();
    bent[good.len() / 2] ^= 1;
    for (what, bytes) in [
        ("changed", bent.as_slice()),
        ("cut", &good[..good.len() - 1]),
        ("empty", &[]),
        ("another", &stranger),
    ] {
        std::fs::write(path(&one), bytes).unwrap();
        for selection in [Selection::Party(AGENT), Selection::Mixed] {
            let played = running.file(&rig, &one.recording, selection).await;
            assert!(matches!(played, Err(ListenFault::Damaged(_))), "{what}");
        }
    }
    std::fs::write(path(&one), &good).unwrap();
    assert_eq!(running.listen(&rig, &one.recording, Selection::Mixed).await.millis(), 2_000);
    std::fs::remove_file(path(&one)).unwrap();
    assert!(matches!(running.file(&rig, &one.recording, Selection::Mixed).await, Err(ListenFault::Vault(_))));
    running.recorder.close().await;
}

#[tokio::test]
async fn retention_deletes_sound_and_keys_and_keeps_the_row() {
    let rig = Rig::with(folder);
    let mut running = rig.open().await;
    let old = record(&rig, &mut running).await;
    rig.clock.advance(secs(86_400));
    let young = record(&rig, &mut running).await;
    let expiry = rig.row(&old.recording).expires_at;
    assert_eq!(expiry.since(rig.row(&old.recording).started_at), RETENTION);
    assert_eq!(running.recorder.expire(expiry - secs(1)).await, Ok(0));
    assert_eq!(running.recorder.expire(expiry).await, Ok(1));

    let row = rig.row(&old.recording);
    assert_eq!((row.state, row.deleted.unwrap().why), (RecordingState::Deleted, DeletedWhy::Expired));
    assert_eq!((row.stored, row.wrapped_key.len(), row.parties.len()), (None, 0, 0));
    let opened = running.file(&rig, &old.recording, Selection::Mixed).await;
    assert!(matches!(opened, Err(ListenFault::Gone)));
    assert!(running.file(&rig, &young.recording, Selection::Mixed).await.is_ok());
    assert_eq!(rig.vault.list().await.unwrap().len(), 1);
    running.recorder.close().await;
}

#[tokio::test]
async fn who_listens_while_retention_deletes_hears_it_to_the_end() {
    let rig = Rig::with(folder);
    let mut running = rig.open().await;
    let start = rig.two();
    let take = running.recorder.start(start.clone()).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, 440.0), Mouth::new(AGENT, 1_000.0));
    rig.talk(&take, secs(20), &mut [&mut customer, &mut agent]);
    running.finish(take).await;
    let mut sound =
        running.recorder.library().open(&rig.tenant, &start.recording, Selection::Mixed).await.unwrap();
    let first = sound.bytes.try_next().await.unwrap().unwrap();
    let size = rig.row(&start.recording).stored.unwrap().bytes;
    assert_eq!(running.recorder.expire(rig.row(&start.recording).expires_at).await, Ok(1));
    let rest = whole(sound).await.unwrap();
    let heard = crate::rig::Heard::from_ogg(&[first.to_vec(), rest].concat());
    assert_eq!(heard.millis(), 20_000);
    assert!(size > 64 * 1024, "it is larger than what is read ahead: {size}");
    assert!(matches!(running.file(&rig, &start.recording, Selection::Mixed).await, Err(ListenFault::Gone)));
    running.recorder.close().await;
}

#[tokio::test]
async fn erasing_a_call_takes_what_is_stored_and_what_is_being_written() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let first = record(&rig, &mut running).await;
    let second = offhook_recording::Start { recording: rig.two().recording, ..first.clone() };
    let take = running.recorder.start(second.clone()).unwrap();
    rig.talk(&take, secs(2), &mut [&mut Mouth::new(CUSTOMER, 440.0)]);
    rig.until_row(&second.recording, |row| row.state == RecordingState::Recording).await;
    assert_eq!(running.recorder.erase_call(&rig.tenant, &first.call).await, Ok(2));
    rig.talk(&take, secs(2), &mut [&mut Mouth::new(CUSTOMER, 440.0)]);
    take.stop(offhook_recording::StopReason::CallEnded).unwrap();
    let other = record(&rig, &mut running).await;
    for id in [&first.recording, &second.recording] {
        let row = rig.row(id);
        assert_eq!(row.deleted.unwrap().why, DeletedWhy::Erased);
        assert!(matches!(running.file(&rig, id, Selection::Mixed).await, Err(ListenFault::Gone)));
    }
    assert_eq!(rig.vault.list().await.unwrap().len(), 1);
    assert!(rig.vault.list().await.unwrap()[0].0.contains(other.recording.as_str()));
    running.recorder.close().await;
    assert_eq!(rig.spooled(), [""; 0]);
    assert_eq!(running.recorder.erase_call(&rig.tenant, &first.call).await, Ok(0));
}

#[tokio::test]
async fn a_server_that_stops_ends_its_recordings_whole() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let take = running.recorder.start(rig.two()).unwrap();
    let id = take.recording().clone();
    rig.talk(&take, secs(3), &mut [&mut Mouth::new(CUSTOMER, 440.0)]);
    running.recorder.close().await;
    assert_eq!(running.notice().await, What::Started);
    assert_eq!(running.notice().await, What::Stopped { length: secs(3), truncated: false });
    assert!(matches!(running.notice().await, What::Stored { .. }));
    assert_eq!(rig.row(&id).state, RecordingState::Complete);
    assert!(running.recorder.start(rig.two()).is_err(), "it is closed");
    take.hear(Mouth::new(CUSTOMER, 440.0).speak(rig.at()));
}
