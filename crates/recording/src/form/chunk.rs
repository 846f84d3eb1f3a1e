//! What a chunk says once it is opened.

use offhook_core::id::UserId;
use offhook_core::recording::{PartyKind, RecordedParty};
use offhook_core::time::Time;

use super::sealed::Flaw;

const PARTY: u8 = 1;
const FRAME: u8 = 2;

/// An opened chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chunk {
    Body(Body),
    End(End),
}

/// What was heard up to a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// Nothing that begins before this place on the timeline follows in later chunks. Samples at 48 kHz.
    pub(crate) horizon: u64,
    pub(crate) entries: Vec<Entry>,
}

/// One thing in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Somebody can be heard from here on.
    Party(RecordedParty),
    /// An Opus packet at its place on the timeline.
    Frame { party: u16, at: u64, packet: Vec<u8> },
}

/// The last chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Length of the timeline in samples at 48 kHz.
    pub(crate) length: u64,
    pub(crate) ending: Ending,
    pub(crate) ended_at: Time,
}

/// How a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it was asked to.
    Complete,
    /// Cut by a crash or by the disk.
    Truncated,
}

/// Builds a body's bytes as things are heard.
#[derive(Debug, Default)]
pub(crate) struct BodyWriter(Vec<u8>);

impl BodyWriter {
    pub(crate) fn party(&mut self, party: &RecordedParty) {
        let kind = PartyKind::ALL.iter().position(|kind| *kind == party.kind).unwrap_or_default();
        let user = party.user.as_ref().map_or("", UserId::as_str);
        self.0.push(PARTY);
        self.0.extend_from_slice(&party.index.to_be_bytes());
        self.0.push(u8::try_from(kind).expect("few kinds"));
        self.0.push(u8::try_from(user.len()).expect("ids are 36 bytes"));
        self.0.extend_from_slice(user.as_bytes());
    }

    /// `packet` is at most [`crate::packet::LONGEST`] bytes.
    pub(crate) fn frame(&mut self, party: u16, at: u64, packet: &[u8]) {
        self.0.push(FRAME);
        self.0.extend_from_slice(&party.to_be_bytes());
        self.0.extend_from_slice(&at.to_be_bytes());
        self.0.extend_from_slice(&u16::try_from(packet.len()).expect("packets are short").to_be_bytes());
        self.0.extend_from_slice(packet);
    }

    /// The body up to `horizon`; empties the writer.
    pub(crate) fn take(&mut self, horizon: u64) -> Vec<u8> {
        let bytes = [horizon.to_be_bytes().as_slice(), &self.0].concat();
        self.0.clear();
        bytes
    }
}

impl End {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let ending = match self.ending {
            Ending::Complete => 0,
            Ending::Truncated => 1,
        };
        [self.length.to_be_bytes().as_slice(), &self.ended_at.as_micros().to_be_bytes(), &[ending]].concat()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut rest = Bytes(bytes);
        let (length, ended_at) = (u64::from_be_bytes(rest.array()?), i64::from_be_bytes(rest.array()?));
        let ending = match rest.0 {
            [0] => Ending::Complete,
            [1] => Ending::Truncated,
            _ => return Err(Flaw::Malformed("end")),
        };
        Ok(Self { length, ending, ended_at: Time::from_micros(ended_at) })
    }
}

impl Body {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut rest = Bytes(bytes);
        let horizon = u64::from_be_bytes(rest.array()?);
        let mut entries = Vec::new();
        while !rest.0.is_empty() {
            entries.push(rest.entry()?);
        }
        Ok(Self { horizon, entries })
    }
}

/// What is left to be read.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn entry(&mut self) -> Result<Entry, Flaw> {
        let [tag] = self.array()?;
        let party = u16::from_be_bytes(self.array()?);
        match tag {
            PARTY => {
                let [kind, length] = self.array()?;
                let user = self.some(usize::from(length))?;
                let kind = *PartyKind::ALL.get(usize::from(kind)).ok_or(Flaw::Malformed("party"))?;
                let user = match std::str::from_utf8(user).map_err(|_| Flaw::Malformed("party"))? {
                    "" => None,
                    id => Some(UserId::parse(id).ok_or(Flaw::Malformed("party"))?),
                };
                Ok(Entry::Party(RecordedParty { index: party, kind, user }))
            }
            FRAME => {
                let at = u64::from_be_bytes(self.array()?);
                let length = u16::from_be_bytes(self.array()?);
                Ok(Entry::Frame { party, at, packet: self.some(usize::from(length))?.to_vec() })
            }
            _ => Err(Flaw::Malformed("entry")),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        Ok(self.some(N)?.try_into().expect("as many as asked"))
    }

    fn some(&mut self, count: usize) -> Result<&[u8], Flaw> {
        let (some, rest) = self.0.split_at_checked(count).ok_or(Flaw::Malformed("chunk"))?;
        self.0 = rest;
        Ok(some)
    }
}
