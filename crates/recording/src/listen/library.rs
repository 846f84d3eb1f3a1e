//! Opening a recording to listen to it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use offhook_core::id::{RecordingId, TenantId};
use offhook_core::ports::{Recordings, StoreFault};
use offhook_core::recording::{Recording, RecordingState};
use tokio::io::AsyncReadExt;

use super::mix::{Mix, Stage};
use super::press::Press;
use super::weave::Weave;
use crate::form::{Chunk, Entry, Flaw, Reader};
use crate::keys::Keyring;
use crate::packet::PRE_SKIP;
use crate::spool::Spool;
use crate::vault::{Vault, VaultFault};
use crate::write::PartyId;

/// Bytes read from a spool at a time.
const BLOCK: usize = 64 * 1024;

/// Sealed bytes made into sound at a time: two or three seconds, so that a listener who goes away costs no more.
const AT_ONCE: usize = 16 * 1024;

/// Reads recordings, whether they are in storage already or still in the spool.
#[derive(Clone)]
pub struct Library {
    pub(crate) rows: Arc<dyn Recordings>,
    pub(crate) vault: Vault,
    pub(crate) spool: Spool,
    pub(crate) keys: Arc<Keyring>,
}

/// What of a recording is wanted. Its text form (`party-0`, `mixed`, `stereo`) is used in addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selection {
    /// One party alone, as it came.
    Party(PartyId),
    /// All in one channel.
    Mixed,
    /// The customer left, everybody else right.
    Stereo,
}

/// A recording to listen to: Ogg/Opus.
pub struct Sound {
    /// The recording.
    pub recording: Recording,
    /// The file, piece by piece. A fault at the end means that what was sent before must not be kept.
    pub bytes: BoxStream<'static, Result<Bytes, ListenFault>>,
}

/// Why there is nothing to listen to.
#[derive(Debug, thiserror::Error)]
pub enum ListenFault {
    /// The tenant has no such recording, or it no such party.
    #[error("there is no such recording")]
    NotFound,
    /// It was deleted.
    #[error("the recording was deleted")]
    Gone,
    /// It is being written.
    #[error("the recording is not over yet")]
    NotReady,
    /// What is stored is not what was recorded: changed, cut or of another recording.
    #[error("the recording is damaged: {0}")]
    Damaged(String),
    /// Storage does not give it.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// Its row cannot be read.
    #[error(transparent)]
    Row(#[from] StoreFault),
}

impl Library {
    /// Opens a recording of a tenant.
    ///
    /// # Errors
    /// [`ListenFault`]. Faults that show later come through the stream.
    pub async fn open(
        &self,
        tenant: &TenantId,
        id: &RecordingId,
        what: Selection,
    ) -> Result<Sound, ListenFault> {
        let recording = self.rows.find(tenant, id).await?.ok_or(ListenFault::NotFound)?;
        match recording.state {
            RecordingState::Recording | RecordingState::Paused => return Err(ListenFault::NotReady),
            RecordingState::Deleted => return Err(ListenFault::Gone),
            RecordingState::Complete | RecordingState::Truncated => {}
        }
        if let Selection::Party(PartyId(index)) = what
            && !recording.parties.iter().any(|party| party.index == index)
        {
            return Err(ListenFault::NotFound);
        }
        let sealed = self.sealed(&recording).await?;
        let player = Player::new(self.keys.clone(), recording.clone(), what)?;
        Ok(Sound { bytes: play(sealed, player), recording })
    }

    /// The sealed bytes, from wherever they are.
    async fn sealed(&self, recording: &Recording) -> Result<Sealed, ListenFault> {
        if recording.stored.is_none()
            && let Ok(file) = tokio::fs::File::open(self.spool.done(&recording.id)).await
        {
            return Ok(from_file(file));
        }
        match self.vault.read(&recording.tenant, &recording.id).await {
            // It may have been stored, and the row written, between the two looks; or retention was quicker.
            Err(VaultFault::Missing) if recording.stored.is_none() => Err(ListenFault::NotReady),
            Err(VaultFault::Missing) => match self.rows.find(&recording.tenant, &recording.id).await? {
                Some(row) if row.deleted.is_none() => Err(VaultFault::Missing.into()),
                _ => Err(ListenFault::Gone),
            },
            other => Ok(other?),
        }
    }
}

type Sealed = BoxStream<'static, Result<Bytes, VaultFault>>;

fn from_file(file: tokio::fs::File) -> Sealed {
    let reading = stream::try_unfold(file, async |mut file| {
        let mut block = vec![0; BLOCK];
        let count = file.read(&mut block).await.map_err(VaultFault::Spool)?;
        block.truncate(count);
        Ok((count > 0).then(|| (Bytes::from(block), file)))
    });
    reading.boxed()
}

/// What is between two pieces of a file.
struct Playing {
    sealed: Sealed,
    /// Came from storage and was not taken in yet.
    waiting: Bytes,
    /// None after the end.
    player: Option<Player>,
}

fn play(sealed: Sealed, player: Player) -> BoxStream<'static, Result<Bytes, ListenFault>> {
    let playing = Playing { sealed, waiting: Bytes::new(), player: Some(player) };
    let pieces = stream::try_unfold(playing, async |mut playing| {
        loop {
            let Some(mut player) = playing.player.take() else { return Ok(None) };
            if playing.waiting.is_empty() {
                match playing.sealed.try_next().await? {
                    Some(bytes) => playing.waiting = bytes,
                    None => {
                        player.reader.finish()?;
                        return Ok(None);
                    }
                }
            }
            let some = playing.waiting.split_to(playing.waiting.len().min(AT_ONCE));
            // Mixing is work for a processor, not for a thread that answers others meanwhile.
            let worked = tokio::task::spawn_blocking(move || {
                let pressed = player.take_in(&some);
                (player, pressed)
            });
            let (player, pressed) = worked.await.map_err(|_| ListenFault::Damaged("its sound".to_owned()))?;
            playing.player = Some(player);
            let pressed = pressed?;
            if !pressed.is_empty() {
                return Ok(Some((Bytes::from(pressed), playing)));
            }
        }
    });
    pieces.boxed()
}

/// Opens, weaves and presses as bytes come in.
struct Player {
    recording: Recording,
    reader: Reader,
    headed: bool,
    output: Output,
}

enum Output {
    Party { index: u16, weave: Weave, press: Press },
    Mix(Box<Mix>),
}

impl Player {
    fn new(keys: Arc<Keyring>, recording: Recording, what: Selection) -> Result<Self, ListenFault> {
        let output = match what {
            Selection::Party(PartyId(index)) => {
                Output::Party { index, weave: Weave::from(0), press: Press::new(1, PRE_SKIP) }
            }
            Selection::Mixed => Output::Mix(Box::new(Mix::new(Stage::Mono)?)),
            Selection::Stereo => Output::Mix(Box::new(Mix::new(Stage::Stereo)?)),
        };
        Ok(Self { reader: Reader::new(keys), recording, headed: false, output })
    }

    /// Takes sealed bytes in and gives what they make of the file.
    fn take_in(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Flaw> {
        self.reader.feed(sealed);
        if !self.headed {
            let Recording { tenant, id, wrapped_key, .. } = &self.recording;
            self.headed = self.reader.head_of((tenant, id), wrapped_key)?.is_some();
        }
        while let Some(chunk) = self.reader.chunk()? {
            self.output.chunk(chunk)?;
        }
        Ok(self.output.take())
    }
}

impl Output {
    fn chunk(&mut self, chunk: Chunk) -> Result<(), Flaw> {
        match (self, chunk) {
            (Self::Mix(mix), Chunk::Body(body)) => mix.body(body),
            (Self::Mix(mix), Chunk::End(end)) => mix.end(end.length),
            (Self::Party { index, weave, press }, Chunk::Body(body)) => {
                let mut out = pressing(press);
                for entry in body.entries {
                    if let Entry::Frame { party, at, packet } = entry
                        && party == *index
                    {
                        weave.place(at, &packet, &mut out)?;
                    }
                }
                weave.reach(body.horizon, &mut out)
            }
            (Self::Party { weave, press, .. }, Chunk::End(end)) => {
                weave.close(end.length + PRE_SKIP, &mut pressing(press))?;
                press.finish(end.length);
                Ok(())
            }
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Party { press, .. } => press.take(),
            Self::Mix(mix) => mix.take(),
        }
    }
}

fn pressing(press: &mut Press) -> impl FnMut(&[u8], u64) -> Result<(), Flaw> {
    |packet, samples| {
        press.packet(packet, samples);
        Ok(())
    }
}

impl From<Flaw> for ListenFault {
    fn from(flaw: Flaw) -> Self {
        Self::Damaged(flaw.to_string())
    }
}

impl Selection {
    /// Reads the text form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "mixed" => Some(Self::Mixed),
            "stereo" => Some(Self::Stereo),
            _ => {
                let index = text.strip_prefix("party-")?;
                // One spelling each: a signed text must not have a twin.
                let plain = index == "0" || !index.starts_with(['0', '+']);
                let index = index.parse().ok().filter(|_| plain)?;
                Some(Self::Party(PartyId(index)))
            }
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Party(PartyId(index)) => write!(f, "party-{index}"),
            Self::Mixed => f.write_str("mixed"),
            Self::Stereo => f.write_str("stereo"),
        }
    }
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sound").field("recording", &self.recording.id).finish_non_exhaustive()
    }
}
