//! One party's packets on their way to the timeline.
//!
//! RTP says how packets follow one another, their arrival says where that belongs among the other parties.
//! The first packet is placed where it arrived; those after it keep their distance by the stamps. When a later
//! packet arrives before its place, the ones before it were slow: the whole track moves back. When all packets
//! of some seconds arrive after their place, the sender's clock is slow: it moves on. Stamps that leap are not
//! believed: the packet is placed where it arrived. So no stamp makes a recording longer than the call.

use std::collections::BTreeMap;

use crate::packet::{FRAME, GRID};

/// Stamps further from the arrival than this are not believed. More would let a wrong clock stretch a
/// recording, less would tear speech apart on a network that stalls.
const LEAP: i64 = 48_000;

/// A track that is wrong by less is left alone, for moving it costs a frame.
const SLIP: i64 = FRAME as i64;

/// How long a track is watched before it is found to be slow: shorter than people notice, longer than a burst.
const WATCH: i64 = 3 * 48_000;

/// Packets kept for ordering. A quarter of a second of the shortest ones is a hundred.
const MOST_WAITING: usize = 128;

/// A party's place on the timeline. All places are samples at 48 kHz.
#[derive(Debug, Default)]
pub(super) struct Track {
    stamps: Option<Stamps>,
    /// By place relative to the stamps' base.
    waiting: BTreeMap<i64, Frame>,
    /// Nothing before this place can be added any more.
    next: i64,
}

#[derive(Debug)]
struct Stamps {
    last: u32,
    /// The last stamp's place, relative to `base`.
    at: i64,
    base: i64,
    /// Whether anything placed by these stamps has been let go.
    settled: bool,
    /// The arrival that was nearest to its place since `watched_from`.
    nearest: i64,
    watched_from: i64,
}

#[derive(Debug)]
struct Frame {
    samples: u64,
    packet: Box<[u8]>,
}

/// Why a packet was not placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unplaced {
    /// Its place is taken.
    Duplicate,
    /// Its place has passed.
    Late,
    /// Too many wait already.
    Flood,
}

impl Track {
    /// Places a packet that was spoken at `spoken` as far as its arrival tells.
    pub(super) fn place(
        &mut self,
        spoken: i64,
        stamp: u32,
        samples: u64,
        packet: Box<[u8]>,
    ) -> Result<(), Unplaced> {
        let spoken = roughly(spoken);
        let stamps = self.stamps.get_or_insert(Stamps {
            last: stamp,
            at: 0,
            base: spoken,
            settled: false,
            nearest: i64::MIN,
            watched_from: spoken,
        });
        let at = stamps.follow(stamp, spoken);
        if stamps.base + at < self.next {
            return Err(Unplaced::Late);
        }
        if self.waiting.contains_key(&at) {
            return Err(Unplaced::Duplicate);
        }
        if self.waiting.len() >= MOST_WAITING {
            return Err(Unplaced::Flood);
        }
        self.waiting.insert(at, Frame { samples, packet });
        Ok(())
    }

    /// Lets go of what begins before `horizon`, in order, with its place; nothing before it can be added any
    /// more.
    pub(super) fn release(&mut self, horizon: i64, each: impl FnMut(u64, &[u8])) {
        self.let_go(horizon, each);
        self.next = self.next.max(horizon);
    }

    /// Lets go of all that waits and forgets the stamps: whatever comes next has nothing to do with them.
    pub(super) fn restart(&mut self, each: impl FnMut(u64, &[u8])) {
        self.let_go(i64::MAX, each);
        self.stamps = None;
        self.waiting.clear();
    }

    fn let_go(&mut self, horizon: i64, mut each: impl FnMut(u64, &[u8])) {
        let Some(stamps) = &mut self.stamps else { return };
        while let Some(entry) = self.waiting.first_entry() {
            let place = stamps.base + entry.key();
            if place >= horizon {
                break;
            }
            let frame = entry.remove();
            // It overlaps what was let go before: a second copy of the same time.
            let Some(at) = u64::try_from(place).ok().filter(|_| place >= self.next) else { continue };
            each(at, &frame.packet);
            self.next = place + frame.samples.cast_signed();
            stamps.settled = true;
        }
    }
}

impl Stamps {
    /// The place of this stamp relative to the base, which may move.
    fn follow(&mut self, stamp: u32, spoken: i64) -> i64 {
        let step = i64::from(stamp.wrapping_sub(self.last).cast_signed());
        let mut at = on_grid(self.at + step);
        let early = self.base + at - spoken;
        if early.abs() > LEAP {
            at = spoken - self.base;
            self.watch_anew(spoken);
        } else if early > 0 && (!self.settled || early > SLIP) {
            self.base -= early;
            self.watch_anew(spoken);
        } else {
            self.nearest = self.nearest.max(early);
            if spoken - self.watched_from > WATCH {
                if self.nearest < -2 * SLIP {
                    self.base -= self.nearest;
                }
                self.watch_anew(spoken);
            }
        }
        (self.last, self.at) = (stamp, at);
        at
    }

    const fn watch_anew(&mut self, spoken: i64) {
        self.nearest = i64::MIN;
        self.watched_from = spoken;
    }
}

/// To the nearest 10 ms: the shortest silence there is in the form that disturbs a decoder least.
const fn roughly(place: i64) -> i64 {
    let place = place + FRAME as i64 / 4;
    place - place.rem_euclid(FRAME as i64 / 2)
}

const fn on_grid(place: i64) -> i64 {
    place - place.rem_euclid(GRID as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = 48;

    fn packet(mark: u8) -> Box<[u8]> {
        Box::new([mark])
    }

    /// Feeds `(arrival in ms, stamp in samples, mark)` and returns `(place in ms, mark)`.
    fn placed(packets: &[(i64, u32, u8)]) -> Vec<(u64, u8)> {
        let mut track = Track::default();
        for (arrived, stamp, mark) in packets {
            let _ = track.place(arrived * MS, *stamp, 960, packet(*mark));
        }
        let mut out = Vec::new();
        track.release(i64::MAX, |at, packet| out.push((at / MS as u64, packet[0])));
        out
    }

    #[test]
    fn reordered_packets_are_put_in_order_and_copies_dropped() {
        let packets = [(0, 0, 1), (41, 1920, 3), (42, 960, 2), (60, 2880, 4), (61, 2880, 9)];
        assert_eq!(placed(&packets), [(0, 1), (20, 2), (40, 3), (60, 4)]);
    }

    #[test]
    fn a_slow_first_packet_does_not_delay_the_rest() {
        // The first was held up for 80 ms.
        let packets = [(80, 0, 1), (81, 960, 2), (82, 1920, 3), (83, 2880, 4), (84, 3840, 5), (100, 4800, 6)];
        let places: Vec<u64> = placed(&packets).iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [0, 20, 40, 60, 80, 100]);
    }

    #[test]
    fn stamps_that_leap_are_placed_where_they_arrived() {
        let hour = 3600 * 48_000;
        let packets = [(0, 0, 1), (20, hour, 2), (40, hour + 960, 3), (60, 5, 4), (80, 965, 5)];
        let places: Vec<u64> = placed(&packets).iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [0, 20, 40, 60, 80]);
    }

    #[test]
    fn stamps_wrap_around() {
        let start = u32::MAX - 500;
        let packets = [(0, start, 1), (20, start.wrapping_add(960), 2), (40, start.wrapping_add(1920), 3)];
        assert_eq!(placed(&packets), [(0, 1), (20, 2), (40, 3)]);
    }

    #[test]
    fn a_clock_that_is_wrong_by_a_little_stays_within_three_frames_of_the_truth() {
        for parts_per_million in [-500_i64, 500] {
            let mut track = Track::default();
            let mut worst = 0;
            for n in 0..30_000_i64 {
                let spoken = n * 960;
                let stamp = u32::try_from(spoken + spoken * parts_per_million / 1_000_000).unwrap();
                let _ = track.place(spoken, stamp, 960, packet(1));
                track.release(spoken - 12_000, |at, _| {
                    worst = worst.max((at.cast_signed() - (spoken - 12_960)).abs());
                });
            }
            assert!(worst <= 3 * 960, "{parts_per_million} ppm: {} ms", worst / MS);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_stamps_sound_never_overlaps_or_leaves_its_time(
            packets in prop::collection::vec((0..60_i64, any::<u32>(), 0..3_u8), 1..400),
        ) {
            let mut track = Track::default();
            let (mut now, mut end, mut horizon) = (0, 0, 0);
            for (later, stamp, shape) in packets {
                now += later * MS;
                let stamp = match shape { 0 => stamp, 1 => u32::try_from(now).unwrap(), _ => stamp % 5_000 };
                let _ = track.place(now, stamp, 960, packet(0));
                horizon = horizon.max(now - 240 * MS);
                track.release(horizon, |at, _| {
                    assert!(at >= end && at % 120 == 0);
                    end = at + 960;
                });
            }
            track.release(i64::MAX, |at, _| { assert!(at >= end); end = at + 960; });
            prop_assert!(end.cast_signed() <= now + LEAP + 960, "{end} {now}");
        }
    }
}
