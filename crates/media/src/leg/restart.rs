//! A new path for a leg that goes on: ICE restart, and candidates that come after a description.
//!
//! The peer's new offer begins a second search beside the path in use (RFC 8445 section 9). Until the peer has
//! nominated an address there, everything goes on as it was; from then on everything takes the new path. Keys,
//! streams and numbers are the leg's and do not change, since its certificates do not either (RFC 8842 section
//! 5.5). A search that finds nothing is dropped, and the leg is what it was.

use std::time::{Duration, Instant};

use super::ice::Ice;
use super::setup::stack;
use super::{Leg, LegError};
use crate::sdp::{self, Candidate, Setup};

/// A page that can be reached is found in a fraction of this; one that cannot has asked for something else since.
const SEARCH: Duration = Duration::from_secs(10);
/// Candidates told after one description, usable or not; as many as a description may hold.
const MAX_TRICKLED: u16 = 100;

/// The search for a new path.
pub(super) struct Renewal {
    pub(super) ice: Ice,
    pub(super) until: Instant,
}

impl Leg {
    /// Takes the peer's offer of a new path, and answers it.
    ///
    /// # Errors
    /// If the offer cannot be used, is not of this leg's peer, or offers the path in use. The leg goes on.
    pub fn restart(&mut self, now: Instant, offer: &str) -> Result<String, LegError> {
        self.now = now;
        let remote = sdp::read(offer)?;
        let peer = self.peer.as_ref().filter(|peer| !self.is_over && peer.fingerprint == remote.fingerprint);
        let is_client = peer.ok_or(LegError::OtherPeer)?.is_client;
        if remote.ufrag == self.ice.remote_ufrag() {
            return Err(LegError::SamePath);
        }
        let mut ice = self.new_ice(now)?;
        let controlling = self.is_offerer || remote.ice_lite;
        ice.start(now, controlling, &remote.ufrag, &remote.pwd).map_err(stack)?;
        self.version += 1;
        self.trickled = 0;
        let description = self.describe(
            &ice,
            if is_client { Setup::Active } else { Setup::Passive },
            remote.payloads,
            remote.direction.mirrored(),
            remote.mid.as_deref(),
            (&remote.before, &remote.after),
        );
        self.payloads = remote.payloads;
        self.renewal = Some(Renewal { ice, until: now + SEARCH });
        for candidate in remote.candidates {
            self.learn(now, candidate);
        }
        Ok(description)
    }

    /// Learns a candidate that came after the description with this user fragment. What belongs to another, or
    /// is one too many, is none of ours.
    pub fn add_candidate(&mut self, now: Instant, ufrag: &str, line: &str) {
        self.now = now;
        if self.trickled >= MAX_TRICKLED || self.newest_ice().remote_ufrag() != ufrag {
            return;
        }
        self.trickled += 1;
        if let Some(candidate) = Candidate::read(line) {
            self.learn(now, candidate);
        }
    }

    /// The user fragment of the path that is searched for, if one is.
    pub(crate) fn next_ufrag(&self) -> Option<&str> {
        self.renewal.as_ref().map(|renewal| renewal.ice.credentials().ufrag.as_str())
    }

    pub(super) fn newest_ice(&mut self) -> &mut Ice {
        match &mut self.renewal {
            Some(renewal) => &mut renewal.ice,
            None => &mut self.ice,
        }
    }

    /// Lets the search go on, and takes the path it has found.
    pub(super) fn search_on(&mut self, now: Instant) {
        let Some(renewal) = &mut self.renewal else { return };
        if renewal.until <= now {
            self.renewal = None;
            return;
        }
        renewal.ice.tick(now);
        self.take_new_path(now);
    }

    pub(super) fn take_new_path(&mut self, now: Instant) {
        if let Some(found) = self.renewal.take_if(|renewal| renewal.ice.selected().is_some()) {
            self.ice = found.ice;
            self.after_ice(now);
        }
    }
}
