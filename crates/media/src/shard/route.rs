//! From a datagram to the leg it is for, and on to the leg that hears it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::flows::Flow;
use super::handover::{News, Post, Sender, Shards};
use super::hints::{self, Home, Stream};
use super::{Shard, Slot};
use crate::leg::{Drop, FailReason, Media, Packet};
use crate::message::LegNotice;
use crate::rtp::{HEADER_LEN, Kind};
use crate::stun::{Binding, Class};
use crate::tap::Tapped;

/// How a datagram came to this shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Through its own socket.
    Direct,
    /// Through another shard's.
    HandedOver,
}

/// Whose a datagram is.
enum Whose {
    Leg(usize),
    Away(Shards),
}

impl Shard {
    /// Takes the `n`th datagram received.
    pub(super) fn datagram(&mut self, now: Instant, n: usize, way: Way) {
        let (from, len, buffer) = self.port.datagram(n);
        self.counters.received += u64::from(way == Way::Direct);
        let datagram = &mut buffer[..len];
        let kind = Kind::of(datagram);
        let whose = match kind {
            Kind::Stun => Binding::read(datagram).and_then(|binding| match binding.class {
                Class::Request => {
                    let ufrag = binding.addressee()?;
                    let here = self.flows.addressee(ufrag).map(Whose::Leg);
                    here.or_else(|| self.setup.post.marked(ufrag).map(Whose::Away))
                }
                // Who has asked is known to nobody else, and answers are few.
                Class::Success => {
                    let here = self.flows.asker(&binding.transaction).map(Whose::Leg);
                    here.or_else(|| self.setup.post.everybody().map(Whose::Away))
                }
                Class::Indication | Class::Error => None,
            }),
            Kind::Unknown => None,
            Kind::Rtp | Kind::Rtcp => match self.flows.at(&from) {
                Some(Flow::One(key)) => Some(Whose::Leg(*key)),
                Some(Flow::Away(shards)) => Some(Whose::Away(*shards)),
                Some(Flow::Many(..)) => return self.shared_address(now, kind, n, way),
                None => None,
            },
            Kind::Dtls => match self.flows.at(&from) {
                Some(Flow::One(key)) => Some(Whose::Leg(*key)),
                Some(Flow::Many(..)) => return self.shared_address(now, kind, n, way),
                // A hello may be here before the news that its sender has been selected.
                Some(Flow::Away(_)) | None => self.setup.post.everybody().map(Whose::Away),
            },
        };
        let key = match whose {
            Some(Whose::Leg(key)) => key,
            Some(Whose::Away(shards)) if way == Way::Direct => return self.hand_over(n, kind, shards),
            // An answer or a handshake goes to all shards, and is for one.
            Some(Whose::Away(_)) if matches!(kind, Kind::Stun | Kind::Dtls) => return,
            Some(Whose::Away(_)) | None => {
                self.counters.unclaimed += 1;
                return;
            }
        };
        if kind == Kind::Dtls && way == Way::Direct {
            self.pass_on_handshake(n, key);
        }
        let Some(slot) = self.legs.get_mut(key) else {
            self.counters.unclaimed += 1;
            return;
        };
        let (_, _, buffer) = self.port.datagram(n);
        let datagram = &mut buffer[..len];
        let stream = if way == Way::HandedOver { hints::stream(from, kind, datagram) } else { None };
        let heard = if kind == Kind::Rtp {
            slot.leg.receive(now, from, datagram)
        } else {
            // Handshakes parse strangers' bytes in other people's code. A mistake there costs one leg, not all.
            let heard = catch_unwind(AssertUnwindSafe(|| slot.leg.receive(now, from, datagram)));
            let Ok(heard) = heard else {
                return self.broken(now, key);
            };
            heard
        };
        if let Some(packet) = &heard {
            if let Some(stream) = stream {
                self.remember(stream, key, way);
            }
            self.forward(now, key, n, packet);
        } else {
            self.count_drop(key);
        }
        // A key that is down has a deadline; sound has none.
        let is_key = heard.is_some_and(|packet| packet.media == Media::Dtmf);
        if kind != Kind::Rtp || is_key || self.legs[key].leg.has_output() {
            self.settle(now, key);
        }
    }

    /// Adds what a leg has just dropped to the totals.
    fn count_drop(&mut self, key: usize) {
        if let Some(why) = self.legs[key].leg.take_dropped() {
            self.setup.dropped.add(why);
        }
    }

    /// Passes a datagram over to the shards whose it may be.
    fn hand_over(&mut self, n: usize, kind: Kind, shards: Shards) {
        let (from, len, buffer) = self.port.datagram(n);
        let is_sound = matches!(kind, Kind::Rtp | Kind::Rtcp);
        let sender = if is_sound { Sender::Known } else { Sender::Stranger };
        let (handed, lost) = self.setup.post.hand(shards, from, &buffer[..len], sender);
        self.counters.handed_over += handed;
        self.counters.handover_lost += lost;
    }

    /// Behind an address that a leg here has selected, one on another shard may be about to begin its handshake.
    fn pass_on_handshake(&mut self, n: usize, key: usize) {
        let is_wanted = self.legs.get(key).is_some_and(|slot| slot.leg.is_shaking());
        if let Some(everybody) = self.setup.post.everybody().filter(|_| !is_wanted) {
            self.hand_over(n, Kind::Dtls, everybody);
        }
    }

    /// Gives up a leg whose machine has panicked.
    pub(super) fn broken(&mut self, now: Instant, key: usize) {
        self.counters.legs_broken += 1;
        tracing::error!(leg.id = self.legs[key].id.0, "leg given up after a panic");
        self.tell(self.legs[key].id, LegNotice::Failed { reason: FailReason::Broken });
        self.remove(now, key);
    }

    /// Passes on what one leg said.
    fn forward(&mut self, now: Instant, from: usize, n: usize, packet: &Packet) {
        let route = &self.legs[from].route;
        if let Some(to) = route.straight {
            self.forward_in_place(now, to, n, packet);
        } else if route.is_winding {
            self.forward_to_all(now, from, n, packet);
        }
    }

    /// Sends what was received on in the buffer it came in.
    fn forward_in_place(&mut self, now: Instant, to: usize, n: usize, packet: &Packet) {
        let slot = &mut self.legs[to];
        if slot.route.is_pressing {
            slot.route.forwarded_at = Some(now);
            return;
        }
        let (_, _, buffer) = self.port.datagram(n);
        if let Ok(sealed) = slot.leg.send(now, packet, buffer) {
            slot.route.forwarded_at = Some(now);
            self.counters.forwarded += 1;
            self.port.queue_received(n, sealed.datagram, sealed.to);
        }
    }

    /// Shows what one leg said to its tap and the mixer, and sends it to the legs that hear it alone: to the last
    /// of them in the buffer it came in, to the others in copies made before.
    fn forward_to_all(&mut self, now: Instant, from: usize, n: usize, packet: &Packet) {
        if self.legs[from].tap.is_some() {
            self.tap(now, from, n, packet);
        }
        if self.legs[from].mixed_for > 0 {
            self.pass_to_mixer(from, n, packet);
        }
        let Some(last) = self.legs[from].listeners.len().checked_sub(1) else {
            return;
        };
        for other in 0..last {
            let to = self.legs[from].listeners[other];
            self.forward_copy(now, to, n, packet);
        }
        let to = self.legs[from].listeners[last];
        self.forward_in_place(now, to, n, packet);
    }

    /// Shows what one leg said to whoever listens in.
    fn tap(&mut self, now: Instant, from: usize, n: usize, packet: &Packet) {
        let slot = &mut self.legs[from];
        let Some(tap) = slot.tap.as_mut().filter(|_| packet.media == Media::Opus) else {
            return;
        };
        let (_, _, buffer) = self.port.datagram(n);
        let taken = tap.put(|| Tapped {
            leg: slot.id,
            at: now.saturating_duration_since(self.started),
            rtp_timestamp: packet.timestamp,
            sequence: packet.index as u16,
            payload: buffer[packet.payload.clone()].into(),
        });
        self.counters.tap_lost += u64::from(!taken);
    }

    fn forward_copy(&mut self, now: Instant, to: usize, n: usize, packet: &Packet) {
        let (slot, counters) = (&mut self.legs[to], &mut self.counters);
        if slot.route.is_pressing {
            slot.route.forwarded_at = Some(now);
            return;
        }
        self.port.make_from(n, |received, made| {
            let payload = HEADER_LEN..HEADER_LEN + packet.payload.len();
            made.get_mut(payload.clone())?.copy_from_slice(&received[packet.payload.clone()]);
            let packet = Packet { payload, ..packet.clone() };
            let sealed = slot.leg.send(now, &packet, made).ok()?;
            slot.route.forwarded_at = Some(now);
            counters.forwarded += 1;
            Some((sealed.to, sealed.datagram))
        });
    }

    /// Several legs have selected this sender. Sound is tried first where its stream was opened before, then with each
    /// leg's keys, on a copy, since a failed try spoils the bytes; handshakes go to the one whose turn it is. What was
    /// for none here may be for one on another shard, handshakes in any case.
    fn shared_address(&mut self, now: Instant, kind: Kind, n: usize, way: Way) {
        let (from, len, buffer) = self.port.datagram(n);
        let stream = hints::stream(from, kind, &buffer[..len]);
        let Some(Flow::Many(keys, away)) = self.flows.at(&from) else {
            return;
        };
        let away = *away;
        let first = match stream.and_then(|stream| self.hints.of(stream)) {
            Some(Home::Away(shard)) if way == Way::Direct => {
                return self.hand_over(n, kind, Post::only(shard));
            }
            Some(Home::Here(key)) if keys.contains(&key) => Some(key),
            Some(_) | None => None,
        };
        // The usual packet, for which nothing is allocated.
        if first.is_some_and(|key| self.try_leg(now, key, kind, n)) {
            return;
        }
        let Some(Flow::Many(keys, _)) = self.flows.at(&from) else {
            return;
        };
        for key in keys.clone() {
            if Some(key) != first && self.try_leg(now, key, kind, n) {
                if let Some(stream) = stream {
                    self.remember(stream, key, way);
                }
                return;
            }
        }
        if way == Way::Direct {
            let everybody = self.setup.post.everybody().filter(|_| kind == Kind::Dtls);
            self.hand_over(n, kind, everybody.unwrap_or(away));
        }
    }

    /// Shows a datagram to one of several legs; whether it was for this one, be it of use or not.
    fn try_leg(&mut self, now: Instant, key: usize, kind: Kind, n: usize) -> bool {
        let is_wanted = |slot: &&mut Slot| kind != Kind::Dtls || slot.leg.is_shaking();
        let Some(slot) = self.legs.get_mut(key).filter(is_wanted) else {
            return false;
        };
        let (from, len, buffer) = self.port.datagram(n);
        self.scratch[..len].copy_from_slice(&buffer[..len]);
        let datagram = &mut self.scratch[..len];
        let Ok(heard) = catch_unwind(AssertUnwindSafe(|| slot.leg.receive(now, from, datagram))) else {
            self.broken(now, key);
            return false;
        };
        let dropped = slot.leg.take_dropped();
        if let Some(why) = dropped {
            self.setup.dropped.add(why);
        }
        if let Some(packet) = &heard {
            let (_, _, buffer) = self.port.datagram(n);
            buffer[..len].copy_from_slice(&self.scratch[..len]);
            self.forward(now, key, n, packet);
        }
        self.settle(now, key);
        // What keys have not opened, and what has no keys to be opened with, may be somebody else's.
        let is_foreign = |why| !matches!(why, Drop::SrtpReplayed | Drop::RateExceeded | Drop::PayloadUnknown);
        kind != Kind::Dtls && !dropped.is_some_and(is_foreign)
    }

    /// Remembers whose a stream is, and tells the shard it comes to.
    fn remember(&mut self, stream: Stream, key: usize, way: Way) {
        if self.hints.remember(stream, Home::Here(key)) && way == Way::HandedOver {
            self.setup.post.tell(News::Heard(stream));
        }
    }
}
