//! A recorder with a clock that is moved by hand, people who speak in tones, and ears that hear tones.

mod ear;

mod mouth;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use offhook_core::id::{CallId, RecordingId, TenantId, UserId};
use offhook_core::ports::Clock;
use offhook_core::ports::fake::{FakeClock, FakeRecordings};
use offhook_core::recording::{Consent, ConsentMode, PartyKind, RecordedParty, Recording};
use offhook_core::time::Time;
use offhook_recording::disk::{Disk, LocalDisk};
use offhook_recording::keys::Keyring;
use offhook_recording::vault::Vault;
use offhook_recording::{
    ListenFault, Notice, PartyId, Recorder, Selection, Setup, Sound, Start, StopReason, Take, What,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use uuid::Uuid;

pub(crate) use ear::Heard;
pub(crate) use mouth::Mouth;

/// The first party in every test.
pub(crate) const CUSTOMER: PartyId = PartyId(0);
/// The second.
pub(crate) const AGENT: PartyId = PartyId(1);

/// A packet's time.
pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// The recorder's epoch.
pub(crate) const EPOCH: Time = Time::from_secs(1_790_000_000);

pub(crate) const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// A house with a recorder.
pub(crate) struct Rig {
    folder: TempDir,
    pub(crate) vault: Vault,
    pub(crate) rows: Arc<FakeRecordings>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) tenant: TenantId,
}

/// A recorder of it that runs.
pub(crate) struct Running {
    pub(crate) recorder: Recorder,
    pub(crate) notices: mpsc::Receiver<Notice>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|_| Vault::in_memory())
    }

    pub(crate) fn with(vault: impl FnOnce(&Path) -> Vault) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            vault: vault(folder.path()),
            folder,
            rows: Arc::default(),
            clock: Arc::new(FakeClock::at(EPOCH)),
            keys: Arc::new(Keyring::new(&[7; 32])),
            disk: Arc::new(LocalDisk),
            tenant: TenantId::from_uuid(fresh()),
        }
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    pub(crate) async fn open(&self) -> Running {
        self.open_in(&self.spool()).await
    }

    pub(crate) async fn open_in(&self, spool: &Path) -> Running {
        let setup = Setup {
            spool: spool.to_owned(),
            vault: self.vault.clone(),
            keys: self.keys.clone(),
            recordings: self.rows.clone(),
            clock: self.clock.clone(),
            epoch: EPOCH,
            retention: RETENTION,
            disk: self.disk.clone(),
        };
        let (recorder, notices) = Recorder::open(setup).await.unwrap();
        Running { recorder, notices }
    }

    /// Now, as taps count.
    pub(crate) fn at(&self) -> Duration {
        self.clock.now().since(EPOCH)
    }

    /// A recording of a customer and an agent.
    pub(crate) fn two(&self) -> Start {
        self.start(vec![party(CUSTOMER, PartyKind::Customer), party(AGENT, PartyKind::Agent)])
    }

    pub(crate) fn start(&self, parties: Vec<RecordedParty>) -> Start {
        Start {
            recording: RecordingId::from_uuid(fresh()),
            tenant: self.tenant.clone(),
            call: CallId::from_uuid(fresh()),
            parties,
            consent: Consent { mode: ConsentMode::None, announced_at: None, announced_until: None },
        }
    }

    /// Lets time pass, a packet's time at a time, with everybody speaking.
    pub(crate) fn talk(&self, take: &Take, span: Duration, mouths: &mut [&mut Mouth]) {
        for _ in 0..span.as_millis() / FRAME.as_millis() {
            self.clock.advance(FRAME);
            for mouth in &mut *mouths {
                take.hear(mouth.speak(self.at()));
            }
        }
    }

    /// The row of a recording.
    pub(crate) fn row(&self, id: &RecordingId) -> Recording {
        self.rows.all().into_iter().find(|row| row.id == *id).expect("the recording has a row")
    }

    /// Waits until the recording's row is as wanted.
    pub(crate) async fn until_row(&self, id: &RecordingId, wanted: impl Fn(&Recording) -> bool) {
        while !self.rows.all().iter().any(|row| row.id == *id && wanted(row)) {
            tokio::task::yield_now().await;
        }
    }

    /// Names of what is in the spool.
    pub(crate) fn spooled(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.spool()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Running {
    /// The next notice.
    pub(crate) async fn notice(&mut self) -> What {
        self.notices.recv().await.expect("the recorder lives").what
    }

    /// Waits until `wanted`, and tells all that came before.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&What) -> bool) -> Vec<What> {
        let mut seen = Vec::new();
        loop {
            let what = self.notice().await;
            let found = wanted(&what);
            seen.push(what);
            if found {
                return seen;
            }
        }
    }

    /// Stops a recording and waits until it is in storage; tells its length and whether it was cut.
    pub(crate) async fn finish(&mut self, take: Take) -> (Duration, bool) {
        take.stop(StopReason::CallEnded).unwrap();
        self.stored().await
    }

    /// Waits until a recording is in storage.
    pub(crate) async fn stored(&mut self) -> (Duration, bool) {
        let seen = self.until(|what| matches!(what, What::Stored { .. })).await;
        let stopped = seen.iter().find_map(|what| match what {
            What::Stopped { length, truncated } => Some((*length, *truncated)),
            What::Started | What::Stored { .. } | What::Failed { .. } => None,
        });
        stopped.expect("it stopped before it was stored")
    }

    /// The whole file.
    pub(crate) async fn file(
        &self,
        rig: &Rig,
        id: &RecordingId,
        what: Selection,
    ) -> Result<Vec<u8>, ListenFault> {
        whole(self.recorder.library().open(&rig.tenant, id, what).await?).await
    }

    /// What a listener hears.
    pub(crate) async fn listen(&self, rig: &Rig, id: &RecordingId, what: Selection) -> Heard {
        Heard::from_ogg(&self.file(rig, id, what).await.unwrap())
    }
}

/// All that is left of a file.
pub(crate) async fn whole(sound: Sound) -> Result<Vec<u8>, ListenFault> {
    let add = async |mut all: Vec<u8>, some: bytes::Bytes| {
        all.extend_from_slice(&some);
        Ok(all)
    };
    sound.bytes.try_fold(Vec::new(), add).await
}

pub(crate) fn party(id: PartyId, kind: PartyKind) -> RecordedParty {
    let user = (kind != PartyKind::Customer).then(|| UserId::from_uuid(fresh()));
    RecordedParty { index: id.0, kind, user }
}

/// A fresh UUID.
pub(crate) fn fresh() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u64_pair(0x0192_0000_0000_7000, NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
