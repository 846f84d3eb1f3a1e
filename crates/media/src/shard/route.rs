//! From a datagram to the leg it is for, and on to the leg that hears it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::Shard;
use super::flows::Flow;
use crate::leg::{FailReason, Packet};
use crate::message::{LegNotice, Play};
use crate::rtp::Kind;
use crate::stun::{Binding, Class};

impl Shard {
    /// Takes the `n`th datagram received.
    pub(super) fn datagram(&mut self, now: Instant, n: usize) {
        let (from, len, buffer) = self.port.datagram(n);
        self.counters.received += 1;
        let datagram = &mut buffer[..len];
        let kind = Kind::of(datagram);
        let key = match kind {
            Kind::Stun => Binding::read(datagram).and_then(|binding| match binding.class {
                Class::Request => self.flows.addressee(binding.addressee()?),
                Class::Success => self.flows.asker(&binding.transaction),
                Class::Indication | Class::Error => None,
            }),
            Kind::Unknown => None,
            Kind::Rtp | Kind::Rtcp | Kind::Dtls => match self.flows.at(&from) {
                Some(Flow::One(key)) => Some(*key),
                Some(Flow::Many(_)) => return self.shared_address(now, kind, n),
                None => None,
            },
        };
        let Some(slot) = key.and_then(|key| self.legs.get_mut(key)) else {
            self.counters.unclaimed += 1;
            return;
        };
        let key = key.expect("a slot was found by it");
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
            self.forward(now, key, n, packet);
        }
        if kind != Kind::Rtp || self.legs[key].leg.has_output() {
            self.settle(now, key);
        }
    }

    /// Gives up a leg whose machine has panicked.
    pub(super) fn broken(&mut self, now: Instant, key: usize) {
        self.counters.legs_broken += 1;
        tracing::error!(leg.id = self.legs[key].id.0, "leg given up after a panic");
        self.tell(self.legs[key].id, LegNotice::Failed { reason: FailReason::Broken });
        self.remove(now, key);
    }

    /// Sends what one leg said to the leg that hears it.
    fn forward(&mut self, now: Instant, from: usize, n: usize, packet: &Packet) {
        let Some(to) = self.legs[from].peer else {
            return;
        };
        let slot = &mut self.legs[to];
        if slot.play != Play::Peer {
            return;
        }
        let (_, _, buffer) = self.port.datagram(n);
        if let Ok(sealed) = slot.leg.send(now, packet, buffer) {
            slot.forwarded_at = Some(now);
            self.counters.forwarded += 1;
            self.port.queue_received(n, sealed.datagram, sealed.to);
        }
    }

    /// Several legs have selected this sender. Sound is tried with each leg's keys, on a copy, since a failed try
    /// spoils the bytes; handshakes go to the legs that are still waiting for theirs.
    fn shared_address(&mut self, now: Instant, kind: Kind, n: usize) {
        let (from, len, _) = self.port.datagram(n);
        let Some(Flow::Many(keys)) = self.flows.at(&from) else {
            return;
        };
        for key in keys.clone() {
            if kind == Kind::Dtls && !self.legs[key].leg.is_shaking() {
                continue;
            }
            let (_, _, buffer) = self.port.datagram(n);
            self.scratch[..len].copy_from_slice(&buffer[..len]);
            let heard = self.legs[key].leg.receive(now, from, &mut self.scratch[..len]);
            if let Some(packet) = &heard {
                let (_, _, buffer) = self.port.datagram(n);
                buffer[..len].copy_from_slice(&self.scratch[..len]);
                self.forward(now, key, n, packet);
            }
            self.settle(now, key);
            if heard.is_some() {
                return;
            }
        }
    }
}
