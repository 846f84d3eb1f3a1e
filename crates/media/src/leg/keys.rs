//! Keys the peer presses: telephone events (RFC 4733) told once each.
//!
//! An event is a series of packets with one timestamp, whose last one comes three times. Any of them may be lost:
//! a key is told at its end, when the next one begins, or when nothing more of it has come for a while.

use std::time::{Duration, Instant};

use super::outgoing::Source;

/// What a listener is told: the characters of RFC 4733's events 0 to 15.
pub(crate) const KEYS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];
/// Updates come every 20 to 50 ms; a key whose end is lost is taken to have been let go after several missed.
const LET_GO_AFTER: Duration = Duration::from_millis(200);
/// The flag of an event's last packet.
pub(crate) const END: u8 = 0x80;
/// The smallest whole event (RFC 4733 section 2.3): event, flags and volume, duration.
pub(crate) const EVENT_LEN: usize = 4;

/// The two clocks in use for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventClock {
    /// 8 kHz, all that WhatsApp knows.
    Narrow,
    /// Opus' own 48 kHz, which browsers prefer.
    Wide,
}

impl EventClock {
    fn ticks_of_narrow(self) -> u16 {
        match self {
            Self::Narrow => 1,
            Self::Wide => 6,
        }
    }
}

/// One packet of an event, its duration in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    event: u8,
    is_end: bool,
    millis: u32,
    /// Whether a longer press would have had to begin a new segment (RFC 4733 section 2.5.1.3).
    is_full: bool,
}

impl Event {
    /// Reads an event and leaves its duration in 8 kHz, which is how packets go from leg to leg.
    pub(super) fn take(payload: &mut [u8], clock: EventClock) -> Option<Self> {
        let payload: &mut [u8; EVENT_LEN] = payload.first_chunk_mut()?;
        let raw = u16::from_be_bytes([payload[2], payload[3]]);
        let narrow = raw / clock.ticks_of_narrow();
        payload[2..].copy_from_slice(&narrow.to_be_bytes());
        Some(Self {
            event: payload[0],
            is_end: payload[1] & END != 0,
            millis: u32::from(narrow) / 8,
            is_full: raw == u16::MAX,
        })
    }
}

/// Turns an event's duration from 8 kHz into a leg's own clock, as far as it fits.
pub(super) fn put_duration(payload: &mut [u8], clock: EventClock) -> Option<()> {
    let payload: &mut [u8; EVENT_LEN] = payload.first_chunk_mut()?;
    let narrow = u16::from_be_bytes([payload[2], payload[3]]);
    payload[2..].copy_from_slice(&narrow.saturating_mul(clock.ticks_of_narrow()).to_be_bytes());
    Some(())
}

/// A key and how long it was held.
pub(super) type Pressed = (char, u16);

/// The keys of one peer.
#[derive(Debug, Default)]
pub(super) struct Keys {
    held: Option<Held>,
    /// The last event told: what still comes of it, or of anything before it, is not news.
    told: Option<(Source, u32)>,
}

#[derive(Debug)]
struct Held {
    key: char,
    event: u8,
    source: Source,
    timestamp: u32,
    /// Of segments before this one.
    earlier_millis: u32,
    millis: u32,
    is_full: bool,
    seen_at: Instant,
}

impl Keys {
    /// Takes a packet; tells at most the key before, whose end was lost, and this one.
    pub(super) fn take(
        &mut self,
        now: Instant,
        source: Source,
        timestamp: u32,
        event: Event,
    ) -> [Option<Pressed>; 2] {
        let is_past = |(of, last): (Source, u32)| of == source && timestamp.wrapping_sub(last) as i32 <= 0;
        let Some(key) =
            KEYS.get(usize::from(event.event)).copied().filter(|_| !self.told.is_some_and(is_past))
        else {
            return [None, None];
        };
        let mut before = None;
        match &mut self.held {
            Some(held) if held.source == source && held.timestamp == timestamp => {
                held.millis = held.millis.max(event.millis);
                held.is_full |= event.is_full;
                held.seen_at = now;
            }
            Some(held) if held.source == source && (timestamp.wrapping_sub(held.timestamp) as i32) < 0 => {
                return [None, None];
            }
            Some(held) if held.source == source && held.is_full && held.event == event.event => {
                held.earlier_millis += held.millis;
                (held.timestamp, held.millis, held.is_full) = (timestamp, event.millis, event.is_full);
                held.seen_at = now;
            }
            Some(_) | None => {
                before = self.let_go();
                self.held = Some(Held {
                    key,
                    event: event.event,
                    source,
                    timestamp,
                    earlier_millis: 0,
                    millis: event.millis,
                    is_full: event.is_full,
                    seen_at: now,
                });
            }
        }
        let this = if event.is_end { self.let_go() } else { None };
        [before, this]
    }

    /// The key whose end has not come in time.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Pressed> {
        self.deadline().filter(|at| *at <= now)?;
        self.let_go()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.seen_at + LET_GO_AFTER)
    }

    fn let_go(&mut self) -> Option<Pressed> {
        let held = self.held.take()?;
        self.told = Some((held.source, held.timestamp));
        Some((held.key, u16::try_from(held.earlier_millis + held.millis).unwrap_or(u16::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(20);

    /// A press of `millis` beginning at `timestamp`: the packets and when they come.
    fn press(event: u8, timestamp: u32, millis: u16, clock: EventClock) -> Vec<(u32, [u8; 4])> {
        let packets = millis / 20;
        let ends = [packets, packets, packets];
        let all = (1..packets).map(|n| (n, 0)).chain(ends.map(|n| (n, END)));
        all.map(|(n, flag)| {
            let [high, low] = (n * 160 * clock.ticks_of_narrow()).to_be_bytes();
            (timestamp, [event, flag | 10, high, low])
        })
        .collect()
    }

    fn told(packets: impl IntoIterator<Item = (u32, [u8; 4])>, clock: EventClock) -> Vec<Pressed> {
        let mut now = tokio::time::Instant::now().into_std();
        let mut keys = Keys::default();
        let mut told = Vec::new();
        for (timestamp, mut payload) in packets {
            now += STEP;
            told.extend(keys.tick(now));
            let event = Event::take(&mut payload, clock).unwrap();
            told.extend(keys.take(now, Source(1), timestamp, event).into_iter().flatten());
        }
        told.extend(keys.tick(now + LET_GO_AFTER));
        told
    }

    #[test]
    fn a_key_is_told_once_with_its_length_whatever_is_lost_of_it() {
        for clock in [EventClock::Narrow, EventClock::Wide] {
            let first = press(1, 1_000, 100, clock);
            let second = press(11, 20_000, 140, clock);
            // Every subset of the first press' packets that leaves one.
            for lost in 0..(1u32 << first.len()) - 1 {
                let left = first.iter().enumerate().filter(|(n, _)| lost & (1 << n) == 0);
                let left: Vec<_> = left.map(|(_, packet)| *packet).collect();
                let keys = told(left.iter().chain(&second).copied(), clock);
                assert_eq!(keys.len(), 2, "{lost:b}");
                assert_eq!((keys[0].0, keys[1]), ('1', ('#', 140)));
                assert!((20..=100).contains(&keys[0].1), "{keys:?}");
                assert!(left.iter().all(|(_, payload)| payload[1] & END == 0) || keys[0].1 == 100);
            }
        }
    }

    #[test]
    fn the_same_key_twice_is_two_keys() {
        let packets = press(5, 0u32.wrapping_sub(960), 60, EventClock::Narrow);
        let again = press(5, 9_600, 60, EventClock::Narrow);
        let keys = told(packets.into_iter().chain(again), EventClock::Narrow);
        assert_eq!(keys, [('5', 60), ('5', 60)]);
    }

    #[test]
    fn what_comes_late_of_an_earlier_key_is_not_news() {
        let first = press(1, 1_000, 60, EventClock::Narrow);
        let second = press(2, 9_000, 60, EventClock::Narrow);
        let mut packets: Vec<_> = first[..3].to_vec();
        packets.extend(&second[..1]);
        packets.push(first[4]);
        packets.extend(&second[1..]);
        packets.push(first[4]);
        assert_eq!(told(packets, EventClock::Narrow), [('1', 60), ('2', 60)]);
    }

    #[test]
    fn a_press_in_segments_is_one_press() {
        let full = |timestamp| (timestamp, [3, 10, 0xff, 0xff]);
        let packets = [full(0), full(65_535), (131_070, [3, END | 10, 0x1f, 0x40])];
        assert_eq!(told(packets, EventClock::Narrow), [('3', 8_191 + 8_191 + 1_000)]);
    }

    #[test]
    fn what_is_no_key_is_not_told() {
        assert!(told(press(16, 0, 60, EventClock::Narrow), EventClock::Narrow).is_empty());
        for len in 0..EVENT_LEN {
            assert!(Event::take(&mut vec![0xff; len], EventClock::Wide).is_none());
        }
    }
}
