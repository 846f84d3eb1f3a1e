//! A process that dies, and the next one that finds what it left.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use offhook_core::recording::{PartyKind, RecordingState};
use offhook_recording::disk::{Disk, LocalDisk, Room, Sheet};
use offhook_recording::{Selection, What};

use crate::rig::{AGENT, CUSTOMER, Mouth, Rig, party, secs};

/// Set for the process that is killed: the folder to work in.
const VICTIM: &str = "OFFHOOK_RECORDING_TEST_VICTIM";

/// Seconds of talk that are on the disk before the kill.
const SPOKEN: usize = 6;

#[tokio::test]
async fn a_killed_process_loses_less_than_a_second() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        return talk_until_killed(Path::new(&folder)).await;
    }
    let rig = Rig::new();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::a_killed_process_loses_less_than_a_second", "--nocapture"])
        .env(VICTIM, rig.spool())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let spoken: Vec<usize> =
        said.filter_map(|line| line.strip_prefix("spoken ")?.parse().ok()).take(SPOKEN).collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_eq!(spoken.len(), SPOKEN, "it talked until it was killed");
    let left = rig.spooled();
    assert!(left.len() == 1 && left[0].ends_with(".live"), "{left:?}");

    let mut running = rig.open().await;
    let (length, truncated) = running.stored().await;
    assert!(truncated);
    assert!(length >= secs(SPOKEN as u64 - 1), "{length:?}");
    let row = rig.rows.all().remove(0);
    assert_eq!((row.state, row.parties.len()), (RecordingState::Truncated, 2));
    assert_eq!(u128::from(row.length_ms), length.as_millis());
    for (what, hertz) in [(Selection::Party(CUSTOMER), 440.0), (Selection::Party(AGENT), 1_000.0)] {
        let sound = running.recorder.library().open(&row.tenant, &row.id, what).await.unwrap();
        let heard = crate::rig::Heard::from_ogg(&crate::rig::whole(sound).await.unwrap());
        assert_eq!(heard.millis() as u128, length.as_millis());
        assert!(heard.tone(0, hertz, 100, 4_900) > 0.15);
    }
    assert_eq!(rig.spooled(), [""; 0]);
    running.recorder.close().await;
}

/// Talks, and says how much of it is on the disk.
async fn talk_until_killed(spool: &Path) {
    let flushes = Arc::new(AtomicUsize::new(0));
    let mut rig = Rig::new();
    rig.disk = Arc::new(CountingDisk(flushes.clone()));
    let running = rig.open_in(spool).await;
    let take = running.recorder.start(rig.two()).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, 440.0), Mouth::new(AGENT, 1_000.0));
    for second in 1.. {
        rig.talk(&take, secs(1), &mut [&mut customer, &mut agent]);
        // One for the head, then one for each seven tenths of what is not young enough to be disordered.
        let due = 1 + (second * 1_000 - 240) / 720;
        while flushes.load(Ordering::SeqCst) < due {
            tokio::task::yield_now().await;
        }
        println!("spoken {second}");
    }
}

/// This machine's disk, counting how often it was flushed.
struct CountingDisk(Arc<AtomicUsize>);

struct CountingSheet(Box<dyn Sheet>, Arc<AtomicUsize>);

impl Disk for CountingDisk {
    fn room(&self, folder: &Path) -> io::Result<Room> {
        LocalDisk.room(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sheet>> {
        Ok(Box::new(CountingSheet(LocalDisk.create(path)?, self.0.clone())))
    }
}

impl Sheet for CountingSheet {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()?;
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn a_spool_cut_anywhere_in_its_last_chunk_still_plays() {
    let rig = Rig::new();
    let running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, 440.0), Mouth::new(AGENT, 1_000.0));
    rig.talk(&take, secs(3), &mut [&mut customer, &mut agent]);
    // A pause is on the disk when the row says so.
    take.pause().unwrap();
    rig.until_row(&id, |row| row.state == RecordingState::Paused).await;
    let live = rig.spool().join(format!("{id}.live"));
    let bytes = std::fs::read(&live).unwrap();
    running.recorder.close().await;

    // The last chunk is the last half second or so of both.
    let last = bytes.len() - 4_000;
    for cut in (last..bytes.len()).step_by(131).chain([bytes.len()]) {
        let rig = Rig::new();
        std::fs::create_dir(rig.spool()).unwrap();
        std::fs::write(rig.spool().join(format!("{id}.live")), &bytes[..cut]).unwrap();
        let mut running = rig.open().await;
        let (length, truncated) = running.stored().await;
        assert!(truncated && length >= secs(2), "cut at {cut}: {length:?}");
        let row = rig.row(&id);
        for what in [Selection::Party(CUSTOMER), Selection::Party(AGENT), Selection::Mixed] {
            let sound = running.recorder.library().open(&row.tenant, &id, what).await.unwrap();
            let heard = crate::rig::Heard::from_ogg(&crate::rig::whole(sound).await.unwrap());
            assert_eq!(heard.millis() as u128, length.as_millis());
            assert!(heard.loudness(0, 100, 1_900) > 0.1);
        }
        running.recorder.close().await;
    }
}

#[tokio::test]
async fn a_recording_without_a_row_gets_one_from_its_spool() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    // The database is away for the whole recording.
    rig.rows.set_broken(true);
    let start = rig.start(vec![party(CUSTOMER, PartyKind::Customer)]);
    let (id, call) = (start.recording.clone(), start.call.clone());
    let take = running.recorder.start(start).unwrap();
    rig.talk(&take, secs(2), &mut [&mut Mouth::new(CUSTOMER, 440.0)]);
    take.stop(offhook_recording::StopReason::CallEnded).unwrap();
    running.until(|what| matches!(what, What::Stopped { .. })).await;
    running.recorder.close().await;
    assert_eq!(rig.rows.all(), []);
    assert_eq!(rig.spooled(), [format!("{id}.done")]);

    rig.rows.set_broken(false);
    let mut running = rig.open().await;
    running.until(|what| matches!(what, What::Stored { .. })).await;
    let row = rig.row(&id);
    assert_eq!((row.state, row.length_ms, row.call), (RecordingState::Complete, 2_000, call));
    assert_eq!(running.listen(&rig, &id, Selection::Party(CUSTOMER)).await.millis(), 2_000);
    running.recorder.close().await;
}

#[tokio::test]
async fn strange_files_in_the_spool_are_left_alone_and_damaged_ones_set_aside() {
    let rig = Rig::new();
    std::fs::create_dir(rig.spool()).unwrap();
    let name = |kind: &str| rig.spool().join(format!("rec_{:032x}.{kind}", 5));
    std::fs::write(rig.spool().join("notes.txt"), "mine").unwrap();
    std::fs::write(rig.spool().join("..\u{e9}.live"), "mine").unwrap();
    std::fs::create_dir(rig.spool().join(format!("rec_{:032x}.live", 6))).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", rig.spool().join(format!("rec_{:032x}.done", 7))).unwrap();
    std::fs::write(name("live"), "not a recording at all, but long enough to be looked at").unwrap();
    // Died before the head was on the disk.
    std::fs::write(rig.spool().join(format!("rec_{:032x}.live", 8)), "offho").unwrap();
    let running = rig.open().await;
    running.recorder.close().await;
    let left = rig.spooled();
    assert_eq!(left.len(), 5, "{left:?}");
    assert!(name("damaged").exists() && !name("live").exists());
    assert_eq!(rig.vault.list().await.unwrap(), []);
}
