//! Sealing chunks one after another, and opening them in the same order.

use std::sync::Arc;

use aws_lc_rs::digest;
use offhook_core::id::{RecordingId, TenantId};

use super::chunk::{Body, Chunk, End};
use super::head::{Head, LONGEST, MAGIC};
use crate::keys::{DataKey, Keyring};

/// Most bytes of one sealed chunk. A second of thirty-two parties is a tenth of it.
const LONGEST_CHUNK: usize = 2 << 20;

const BODY: u8 = 0;
const END: u8 = 1;

/// Length and kind before a chunk.
const FRAMING: usize = 5;

/// Why bytes are not a recording, or not the one they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("its {0} makes no sense")]
    Malformed(&'static str),
    #[error("its key does not open")]
    Key,
    #[error("it is another recording")]
    Another,
    #[error("a chunk was changed, moved or repeated")]
    Seal,
    #[error("it is cut short")]
    Cut,
    #[error("something follows its end")]
    Tail,
}

/// Makes chunks.
pub(crate) struct Sealer {
    key: DataKey,
    places: Places,
}

/// Where a chunk belongs: what is authenticated with it.
struct Places {
    head: [u8; 32],
    next: u64,
}

/// Reads a recording as its bytes arrive. Holds one chunk.
pub(crate) struct Reader {
    keys: Arc<Keyring>,
    buffer: Vec<u8>,
    state: State,
    /// Bytes of whole chunks, head included.
    sound: u64,
}

enum State {
    Head,
    Chunks { key: DataKey, places: Places },
    Ended,
}

impl Sealer {
    pub(crate) fn new(key: DataKey, head: &Head) -> Self {
        Self { key, places: Places::after(&head.to_bytes()) }
    }

    pub(crate) fn body(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.chunk(BODY, bytes)
    }

    pub(crate) fn end(&mut self, end: End) -> Vec<u8> {
        self.chunk(END, end.to_bytes())
    }

    fn chunk(&mut self, kind: u8, plain: Vec<u8>) -> Vec<u8> {
        let sealed = self.key.seal(&self.places.next(kind), plain);
        self.places.next += 1;
        let length = u32::try_from(sealed.len()).expect("a chunk is a second long");
        [length.to_be_bytes().as_slice(), &[kind], &sealed].concat()
    }
}

impl Places {
    fn after(head: &[u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, head);
        Self { head: hash.as_ref().try_into().expect("SHA-256 gives 32 bytes"), next: 0 }
    }

    fn next(&self, kind: u8) -> Vec<u8> {
        [b"offhook/recording/1".as_slice(), &self.head, &self.next.to_be_bytes(), &[kind]].concat()
    }
}

impl Reader {
    pub(crate) const fn new(keys: Arc<Keyring>) -> Self {
        Self { keys, buffer: Vec::new(), state: State::Head, sound: 0 }
    }

    /// Takes more bytes. Call [`Reader::head`] or [`Reader::chunk`] until they want more before the next.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes the head and the whole chunks so far have.
    pub(crate) const fn sound(&self) -> u64 {
        self.sound
    }

    /// The head, once it is there, with its key opened as it was wrapped then.
    pub(crate) fn head(&mut self) -> Result<Option<Head>, Flaw> {
        let Some(bytes) = self.whole_head()? else { return Ok(None) };
        let head = Head::read(&bytes[MAGIC.len() + 4..])?;
        let key = self.keys.unwrap(&head.tenant, &head.recording, &head.wrapped_key());
        self.begin(&bytes, key.ok_or(Flaw::Key)?);
        Ok(Some(head))
    }

    /// The head, which must be this recording's; its key is the one that is known for it.
    pub(crate) fn head_of(
        &mut self,
        (tenant, recording): (&TenantId, &RecordingId),
        wrapped_key: &[u8],
    ) -> Result<Option<Head>, Flaw> {
        let Some(bytes) = self.whole_head()? else { return Ok(None) };
        let head = Head::read(&bytes[MAGIC.len() + 4..])?;
        if (&head.tenant, &head.recording) != (tenant, recording) {
            return Err(Flaw::Another);
        }
        let key = self.keys.unwrap(tenant, recording, wrapped_key).ok_or(Flaw::Key)?;
        self.begin(&bytes, key);
        Ok(Some(head))
    }

    /// The next chunk, once it is there.
    pub(crate) fn chunk(&mut self) -> Result<Option<Chunk>, Flaw> {
        let (key, places) = match &mut self.state {
            State::Chunks { key, places } => (key, places),
            State::Ended if self.buffer.is_empty() => return Ok(None),
            State::Ended => return Err(Flaw::Tail),
            State::Head => return Ok(None),
        };
        let Some((framing, rest)) = self.buffer.split_at_checked(FRAMING) else { return Ok(None) };
        let length = u32::from_be_bytes(framing[..4].try_into().expect("four bytes"));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LONGEST_CHUNK {
            return Err(Flaw::Seal);
        }
        let Some(sealed) = rest.get(..length) else { return Ok(None) };
        let kind = framing[4];
        let plain = key.open(&places.next(kind), sealed).ok_or(Flaw::Seal)?;
        places.next += 1;
        let chunk = match kind {
            BODY => Chunk::Body(Body::read(&plain)?),
            END => Chunk::End(End::read(&plain)?),
            _ => return Err(Flaw::Malformed("chunk")),
        };
        if kind == END {
            self.state = State::Ended;
        }
        self.drop_first(FRAMING + length);
        Ok(Some(chunk))
    }

    /// To be asked when there are no more bytes.
    pub(crate) fn finish(&self) -> Result<(), Flaw> {
        if matches!(self.state, State::Ended) && self.buffer.is_empty() { Ok(()) } else { Err(Flaw::Cut) }
    }

    /// Goes on writing where reading stopped; `None` when it has ended or not begun.
    pub(crate) fn into_sealer(self) -> Option<Sealer> {
        match self.state {
            State::Chunks { key, places } => Some(Sealer { key, places }),
            State::Head | State::Ended => None,
        }
    }

    fn whole_head(&self) -> Result<Option<Vec<u8>>, Flaw> {
        let start = MAGIC.len() + 4;
        let known = self.buffer.len().min(MAGIC.len());
        if !matches!(self.state, State::Head) || self.buffer[..known] != MAGIC[..known] {
            return Err(Flaw::Malformed("head"));
        }
        let Some(length) = self.buffer.get(MAGIC.len()..start) else { return Ok(None) };
        let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(Flaw::Malformed("head"));
        }
        Ok(self.buffer.get(..start + length).map(<[u8]>::to_vec))
    }

    fn begin(&mut self, head: &[u8], key: DataKey) {
        self.state = State::Chunks { key, places: Places::after(head) };
        self.drop_first(head.len());
    }

    fn drop_first(&mut self, count: usize) {
        self.buffer.drain(..count);
        self.sound += u64::try_from(count).expect("a chunk fits in memory");
    }
}
