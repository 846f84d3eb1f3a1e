//! What legs have to say, to their peers and to us.

use std::time::Instant;

use tokio::sync::mpsc::error::TrySendError;

use super::Shard;
use crate::leg::{Notice, Output};
use crate::message::{Codec, LegId, LegNotice, Notified, Stats};
use crate::stun;

/// Notices nobody has fetched yet, beyond the channel's own room. A consumer this far behind is broken.
const MAX_BACKLOG: usize = 65_536;

impl Shard {
    pub(super) fn drain(&mut self, now: Instant, key: usize) {
        while let Some(output) = self.legs[key].leg.poll() {
            match output {
                Output::Transmit { to, datagram } => {
                    if let Some(transaction) = stun::request_transaction(&datagram) {
                        self.flows.asked(now, transaction, key);
                    }
                    self.port.queue_copy(&datagram, to);
                }
                Output::Notice(notice) => {
                    let slot = &self.legs[key];
                    let notice = match notice {
                        Notice::IceConnected => LegNotice::IceConnected,
                        Notice::DtlsConnected(profile) => LegNotice::DtlsConnected { profile },
                        Notice::FirstPacket => LegNotice::FirstPacket,
                        Notice::Digit { digit, millis } => LegNotice::Digit { digit, millis },
                        Notice::MediaLost => LegNotice::MediaLost,
                        Notice::MediaResumed => LegNotice::MediaResumed,
                        Notice::Failed(reason) => LegNotice::Failed { reason },
                        Notice::Quality(quality) => {
                            let Some(leg) = slot.leg.peer() else { continue };
                            let stats = Stats {
                                quality,
                                drops: *leg.drops(),
                                codec: Codec::Opus,
                                candidate: leg.candidate(),
                                first_audio: leg.first_sound(),
                            };
                            LegNotice::Stats(Box::new(stats))
                        }
                    };
                    let id = slot.id;
                    self.tell(id, notice);
                }
            }
        }
    }

    pub(super) fn tell(&mut self, leg: LegId, notice: LegNotice) {
        let passing = matches!(notice, LegNotice::Stats(_));
        self.backlog.push_back(Notified { leg, notice });
        self.pass_on();
        // Statistics of a moment nobody looked at are worth nothing; everything else waits.
        if (passing && !self.backlog.is_empty()) || self.backlog.len() > MAX_BACKLOG {
            self.backlog.pop_back();
            self.counters.notices_lost += 1;
        }
    }

    pub(super) fn pass_on(&mut self) {
        while let Some(notified) = self.backlog.pop_front() {
            match self.setup.notices.try_send(notified) {
                Ok(()) => {}
                Err(TrySendError::Full(notified)) => return self.backlog.push_front(notified),
                // Nobody listens any more: the plane is being taken down.
                Err(TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }
}
