//! A recording being written: the timeline, its parties, and the chunks.

use std::io;
use std::time::Duration;

use offhook_core::recording::RecordedParty;
use offhook_core::time::Time;

use super::handle::{Begin, PartyId, Voice};
use super::track::{Track, Unplaced};
use crate::disk::Sheet;
use crate::form::{BodyWriter, End, Ending, Sealer};
use crate::packet::{self, FRAME, RATE};

/// How long a packet may be late among its neighbours.
pub(super) const WINDOW: Duration = Duration::from_millis(240);

/// Sound in a chunk. With [`WINDOW`] it is what a crash costs: under a second. Less would flush the disk more
/// often, which is what limits how many calls one disk can record.
const CHUNK: u64 = RATE * 7 / 10;

/// Most parties of one recording. A room with more is not a call.
const MOST_PARTIES: usize = 32;

/// A recording being written.
pub(super) struct Live {
    pub(super) begin: Begin,
    sheet: Box<dyn Sheet>,
    sealer: Sealer,
    parties: Vec<(RecordedParty, Track)>,
    /// Pauses before now.
    cut: Duration,
    paused: Option<Duration>,
    /// When hearing began or went on last.
    heard_from: Duration,
    /// How far the timeline is sealed.
    sealed: u64,
    body: BodyWriter,
}

/// Why a packet was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unheard {
    /// Nobody is recorded now.
    Paused,
    /// Nobody of that name has joined.
    Stranger,
    /// Not an Opus packet a decoder would take.
    Malformed,
    /// It has no place.
    Unplaced(Unplaced),
}

impl Live {
    /// Writes the head; the recording exists when this returns.
    pub(super) fn begin(mut begin: Begin, mut sheet: Box<dyn Sheet>) -> io::Result<Self> {
        sheet.append(&begin.head.to_bytes())?;
        sheet.sync()?;
        let (at, first) = (begin.at, std::mem::take(&mut begin.parties));
        let sealer = begin.sealer.take().expect("a beginning is begun once");
        let mut live = Self {
            begin,
            sheet,
            sealer,
            parties: Vec::new(),
            cut: Duration::ZERO,
            paused: None,
            heard_from: at,
            sealed: 0,
            body: BodyWriter::default(),
        };
        for party in first {
            live.join(party);
        }
        Ok(live)
    }

    /// Somebody joins, or comes back over another path.
    pub(super) fn join(&mut self, party: RecordedParty) {
        if let Some((_, track)) = self.parties.iter_mut().find(|(known, _)| known.index == party.index) {
            let body = &mut self.body;
            track.restart(|at, packet| body.frame(party.index, at, packet));
        } else if self.parties.len() < MOST_PARTIES {
            self.body.party(&party);
            let mut track = Track::default();
            track.release(place(self.sealed), |_, _| {});
            self.parties.push((party, track));
        }
    }

    /// Everybody who was ever heard.
    pub(super) fn parties(&self) -> Vec<RecordedParty> {
        self.parties.iter().map(|(party, _)| party.clone()).collect()
    }

    pub(super) fn hear(&mut self, voice: Voice) -> Result<(), Unheard> {
        if self.paused.is_some_and(|since| voice.at >= since) || voice.at < self.heard_from {
            return Err(Unheard::Paused);
        }
        let samples = packet::samples(&voice.payload).ok_or(Unheard::Malformed)?;
        // A packet comes when it has been spoken to its end.
        let spoken = place(self.timeline(voice.at)) - place(samples);
        let PartyId(index) = voice.party;
        let party = self.parties.iter_mut().find(|(party, _)| party.index == index);
        let (_, track) = party.ok_or(Unheard::Stranger)?;
        track.place(spoken, voice.rtp_timestamp, samples, voice.payload).map_err(Unheard::Unplaced)
    }

    /// Seals a chunk if there is one to seal at `at`.
    pub(super) fn advance(&mut self, at: Duration) -> io::Result<()> {
        if self.paused.is_some() || at < self.heard_from {
            return Ok(());
        }
        let horizon = self.timeline(at);
        if horizon < self.sealed + CHUNK { Ok(()) } else { self.seal(horizon) }
    }

    /// Nobody is heard from here on. What was heard before is on the disk when this returns.
    pub(super) fn pause(&mut self, at: Duration) -> io::Result<()> {
        if self.paused.is_some() {
            return Ok(());
        }
        let at = at.max(self.heard_from);
        let horizon = self.timeline(at).max(self.sealed).next_multiple_of(FRAME / 2);
        self.paused = Some(at);
        self.seal(horizon)?;
        for (_, track) in &mut self.parties {
            // What waits beyond the pause was heard after it.
            track.restart(|_, _| {});
        }
        Ok(())
    }

    /// Everybody is heard again.
    pub(super) fn resume(&mut self, at: Duration) {
        if let Some(since) = self.paused.take() {
            let at = at.max(since);
            self.cut += at - since;
            self.heard_from = at;
        }
    }

    /// Seals the rest and the end, and tells the length in samples.
    pub(super) fn end(&mut self, at: Duration, ended_at: Time, ending: Ending) -> io::Result<u64> {
        let length = match self.paused {
            Some(_) => self.sealed,
            None => self.timeline(at.max(self.heard_from)).max(self.sealed),
        };
        let body = self.body_up_to(length);
        let mut bytes = self.sealer.body(body);
        bytes.extend(self.sealer.end(End { length, ending, ended_at }));
        self.sheet.append(&bytes)?;
        self.sheet.sync()?;
        Ok(length)
    }

    fn seal(&mut self, horizon: u64) -> io::Result<()> {
        let body = self.body_up_to(horizon);
        self.sheet.append(&self.sealer.body(body))?;
        self.sheet.sync()
    }

    fn body_up_to(&mut self, horizon: u64) -> Vec<u8> {
        let body = &mut self.body;
        for (party, track) in &mut self.parties {
            track.release(place(horizon), |at, packet| body.frame(party.index, at, packet));
        }
        self.sealed = horizon;
        body.take(horizon)
    }

    /// The place of a moment, pauses cut out.
    fn timeline(&self, at: Duration) -> u64 {
        let heard = at.saturating_sub(self.begin.at).saturating_sub(self.cut);
        u64::try_from(heard.as_micros() * u128::from(RATE) / 1_000_000).unwrap_or(u64::MAX / 4)
    }
}

fn place(samples: u64) -> i64 {
    i64::try_from(samples).unwrap_or(i64::MAX)
}
