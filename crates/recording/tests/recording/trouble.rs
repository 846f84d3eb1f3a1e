//! Disks that fill up, storage that is away, floods.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use offhook_core::recording::RecordingState;
use offhook_recording::disk::{Disk, LocalDisk, Room, Sheet};
use offhook_recording::vault::Vault;
use offhook_recording::{Selection, StopReason, What, Why};

use crate::rig::{AGENT, CUSTOMER, Mouth, Rig, secs};

/// A disk that is neither full nor empty.
const HALF: Room = Room { fullness: 0.5, free: 1 << 30 };

/// A disk with room for so many bytes more.
struct SmallDisk {
    room: Arc<AtomicI64>,
    left: Room,
}

struct SmallSheet {
    sheet: Box<dyn Sheet>,
    room: Arc<AtomicI64>,
}

impl Disk for SmallDisk {
    fn room(&self, _: &Path) -> io::Result<Room> {
        Ok(self.left)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sheet>> {
        Ok(Box::new(SmallSheet { sheet: LocalDisk.create(path)?, room: self.room.clone() }))
    }
}

impl Sheet for SmallSheet {
    /// As a full disk does: what fits is written, the rest is not.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.fetch_sub(i64::try_from(bytes.len()).unwrap(), Ordering::SeqCst).max(0);
        let fits = bytes.len().min(usize::try_from(room).unwrap());
        self.sheet.append(&bytes[..fits])?;
        if fits == bytes.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sheet.sync()
    }
}

#[tokio::test]
async fn a_disk_that_fills_up_ends_the_recording_and_nothing_else() {
    let mut rig = Rig::new();
    rig.disk = Arc::new(SmallDisk { room: Arc::new(AtomicI64::new(60_000)), left: HALF });
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, 440.0), Mouth::new(AGENT, 1_000.0));
    rig.talk(&take, secs(10), &mut [&mut customer, &mut agent]);
    let seen = running.until(|what| matches!(what, What::Stored { .. })).await;
    assert_eq!(seen[..2], [What::Started, What::Failed { why: Why::DiskFull }]);
    let What::Stopped { length, truncated: true } = seen[2] else { panic!("{seen:?}") };
    let row = rig.row(&id);
    assert_eq!((row.state, u128::from(row.length_ms)), (RecordingState::Truncated, length.as_millis()));
    assert!(length > secs(1) && length < secs(10), "{length:?}");
    let heard = running.listen(&rig, &id, Selection::Stereo).await;
    assert_eq!(heard.millis() as u128, length.as_millis());
    // Whoever still holds the take may use it as if nothing had happened.
    rig.talk(&take, secs(1), &mut [&mut customer]);
    take.stop(StopReason::CallEnded).unwrap();
    running.recorder.close().await;
}

#[tokio::test]
async fn a_nearly_full_disk_begins_no_recording() {
    let mut rig = Rig::new();
    rig.disk = Arc::new(SmallDisk {
        room: Arc::new(AtomicI64::new(i64::MAX)),
        left: Room { fullness: 0.951, free: (1 << 30) - 1 },
    });
    let mut running = rig.open().await;
    let take = running.recorder.start(rig.two()).unwrap();
    assert_eq!(running.notice().await, What::Failed { why: Why::DiskFull });
    take.hear(Mouth::new(CUSTOMER, 440.0).speak(rig.at()));
    take.stop(StopReason::CallEnded).unwrap();
    running.recorder.close().await;
    assert_eq!((rig.spooled(), rig.rows.all()), (Vec::<String>::new(), Vec::new()));
}

#[test]
fn a_disk_is_short_of_room_when_it_is_nearly_full_and_little_is_left() {
    let gib = 1 << 30;
    for (fullness, free, short) in
        [(0.5, 40 * gib, false), (0.96, 200 * gib, false), (0.5, gib / 2, false), (0.96, gib / 2, true)]
    {
        assert_eq!(Room { fullness, free }.is_short(), short, "{fullness} {free}");
    }
}

#[tokio::test]
async fn a_recording_that_cannot_be_begun_leaves_nothing_behind() {
    let mut rig = Rig::new();
    rig.disk = Arc::new(SmallDisk { room: Arc::new(AtomicI64::new(100)), left: HALF });
    let mut running = rig.open().await;
    let take = running.recorder.start(rig.two()).unwrap();
    assert_eq!(running.notice().await, What::Failed { why: Why::DiskFull });
    take.stop(StopReason::CallEnded).unwrap();
    running.recorder.close().await;
    assert_eq!((rig.spooled(), rig.rows.all()), (Vec::<String>::new(), Vec::new()));
}

#[test]
fn the_disk_of_this_machine_tells_how_full_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let left = LocalDisk.room(folder.path()).unwrap();
    assert!((0.0..=1.0).contains(&left.fullness) && left.free > 0, "{left:?}");
    assert!(LocalDisk.room(&folder.path().join("absent")).is_err());
}

#[tokio::test]
async fn what_storage_refuses_is_kept_and_stored_later() {
    let rig =
        Rig::with(|root| Vault::open(&format!("file:{}", root.join("recordings").display()), &[]).unwrap());
    let storage = rig.spool().with_file_name("recordings");
    // A file where the folder was: nothing can be stored.
    std::fs::remove_dir(&storage).unwrap();
    std::fs::write(&storage, "").unwrap();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    rig.talk(&take, secs(2), &mut [&mut Mouth::new(CUSTOMER, 440.0)]);
    take.stop(StopReason::CallEnded).unwrap();
    running.until(|what| *what == What::Failed { why: Why::Storage }).await;
    // It can be listened to meanwhile.
    assert_eq!(running.listen(&rig, &id, Selection::Mixed).await.millis(), 2_000);
    running.recorder.close().await;
    assert_eq!(rig.spooled(), [format!("{id}.done")]);
    assert_eq!((rig.row(&id).state, rig.row(&id).stored), (RecordingState::Complete, None));

    std::fs::remove_file(&storage).unwrap();
    std::fs::create_dir(&storage).unwrap();
    let mut running = rig.open().await;
    running.until(|what| matches!(what, What::Stored { .. })).await;
    assert_eq!(running.listen(&rig, &id, Selection::Mixed).await.millis(), 2_000);
    running.recorder.close().await;
    assert_eq!(rig.spooled(), [""; 0]);
}

#[tokio::test]
async fn a_flood_of_packets_is_bounded_and_hurts_nobody_else() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let (one, other) = (rig.two(), rig.two());
    let ids = (one.recording.clone(), other.recording.clone());
    let (one, other) = (running.recorder.start(one).unwrap(), running.recorder.start(other).unwrap());
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, 440.0), Mouth::new(CUSTOMER, 1_000.0));
    for n in 0..250_u32 {
        rig.talk(&other, crate::rig::FRAME, &mut [&mut agent]);
        let voice = customer.speak(rig.at());
        // Twenty times as many packets as there is time for, with the next stamps, or with the same.
        for more in 0..20 {
            let rtp_timestamp = voice.rtp_timestamp.wrapping_add(960 * (more % (n % 3 + 1)));
            one.hear(offhook_recording::Voice { rtp_timestamp, ..voice.clone() });
        }
        one.hear(offhook_recording::Voice { payload: vec![0xf8; 1_501].into(), ..voice.clone() });
        one.hear(offhook_recording::Voice { payload: vec![].into(), ..voice.clone() });
        one.hear(offhook_recording::Voice { party: AGENT, payload: vec![0xfb].into(), ..voice });
    }
    assert_eq!(running.finish(one).await, (secs(5), false));
    assert_eq!(running.finish(other).await, (secs(5), false));
    let flooded = running.file(&rig, &ids.0, Selection::Party(CUSTOMER)).await.unwrap();
    let usual = running.file(&rig, &ids.1, Selection::Party(CUSTOMER)).await.unwrap();
    assert!(flooded.len() < usual.len() * 11 / 10, "{} and {}", flooded.len(), usual.len());
    let heard = crate::rig::Heard::from_ogg(&usual);
    assert!(heard.tone(0, 1_000.0, 100, 4_900) > 0.15);
    let counters = running.recorder.counters();
    assert_eq!(counters.malformed, 750);
    assert!(counters.duplicate > 3_000, "{counters:?}");
    running.recorder.close().await;
}

#[tokio::test]
async fn what_does_not_fit_in_the_queue_is_dropped_and_a_stop_still_fits() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let take = running.recorder.start(rig.two()).unwrap();
    let voice = Mouth::new(CUSTOMER, 440.0).speak(rig.at());
    // Faster than any thread takes them out: each is checked by the codec there.
    while running.recorder.counters().overflowed == 0 {
        take.hear(voice.clone());
    }
    take.stop(StopReason::CallEnded).unwrap();
    running.stored().await;
    running.recorder.close().await;
}
