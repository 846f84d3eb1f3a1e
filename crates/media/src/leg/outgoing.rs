//! The one stream a leg sends: one SSRC whose sequence numbers and timestamps never jump, whoever talks.
//!
//! Receivers conceal, drop or lose their rollover count when a stream jumps. So every source (comfort sound,
//! music, the other leg) keeps numbering as it likes, and its packets are mapped onto our own line; a change of
//! source continues the line where the last one left it.

use std::time::Instant;

/// One Opus frame of 20 ms at Opus' RTP clock.
pub(crate) const FRAME: u32 = 960;
const CLOCK_PER_MS: u128 = 48;
/// A timestamp further than this from where the clock says it should be starts a new mapping: two seconds is
/// more than any jitter and less than a person would wait for the receiver's buffer to come back.
const MAX_DRIFT: i32 = 2 * 48_000;
/// A gap wider than this is not loss but another numbering.
const MAX_GAP: u64 = 1_000;

/// Who a packet came from. Equal sources share a numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source(pub(crate) u64);

/// Where a packet goes on our line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Rollovers in the upper bits, sequence number in the lower 16.
    pub(crate) index: u64,
    pub(crate) timestamp: u32,
    /// Whether this packet begins a new source.
    pub(crate) begins: bool,
}

#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Highest index given out.
    index: u64,
    timestamp: u32,
    /// When the packet with that timestamp was stamped.
    at: Option<Instant>,
    mapping: Option<Mapping>,
}

#[derive(Debug, Clone, Copy)]
struct Mapping {
    source: Source,
    from_index: u64,
    to_index: u64,
    timestamp_offset: u32,
}

impl Outgoing {
    /// Starts the line at a random place. The first number stays in the lower half so that a first packet
    /// lost before the rollover does not leave the receiver a period behind (RFC 3711 section 3.3.1).
    pub(crate) fn new(random_sequence: u16, random_timestamp: u32) -> Self {
        Self {
            index: u64::from(random_sequence & 0x7fff),
            timestamp: random_timestamp,
            at: None,
            mapping: None,
        }
    }

    /// Stamps a packet of `source`; `None` if it belongs before the moment this source took over.
    pub(crate) fn stamp(
        &mut self,
        now: Instant,
        source: Source,
        index: u64,
        timestamp: u32,
    ) -> Option<Stamp> {
        if let Some(stamp) = self.mapped(now, source, index, timestamp) {
            return stamp;
        }
        let elapsed = self.at.map_or(0, |at| now.saturating_duration_since(at).as_millis() * CLOCK_PER_MS);
        // Whole frames, so that a switch does not leave receivers with a fraction of one.
        let frames = (elapsed as u32 / FRAME).max(1);
        let timestamp_offset = self.timestamp.wrapping_add(frames * FRAME).wrapping_sub(timestamp);
        self.mapping =
            Some(Mapping { source, from_index: index, to_index: self.index + 1, timestamp_offset });
        Some(self.advance(now, self.index + 1, timestamp.wrapping_add(timestamp_offset), true))
    }

    /// `None` without a usable mapping; `Some(None)` for a packet that comes too late for it.
    fn mapped(&mut self, now: Instant, source: Source, index: u64, timestamp: u32) -> Option<Option<Stamp>> {
        let mapping = self.mapping.filter(|mapping| mapping.source == source)?;
        let Some(since) = index.checked_sub(mapping.from_index) else {
            // Slightly older belongs before the switch; much older is a peer that began anew.
            return (mapping.from_index - index < MAX_GAP).then_some(None);
        };
        let index = mapping.to_index + since;
        if index > self.index + MAX_GAP {
            return None;
        }
        let timestamp = timestamp.wrapping_add(mapping.timestamp_offset);
        let elapsed = self.at.map_or(0, |at| now.saturating_duration_since(at).as_millis() * CLOCK_PER_MS);
        let expected = self.timestamp.wrapping_add(elapsed as u32);
        // The packets of a pressed key stay where it began.
        let goes_on = timestamp != self.timestamp;
        if goes_on && (timestamp.wrapping_sub(expected) as i32).abs() > MAX_DRIFT {
            return None;
        }
        Some(Some(self.advance(now, index, timestamp, false)))
    }

    fn advance(&mut self, now: Instant, index: u64, timestamp: u32, begins: bool) -> Stamp {
        if index > self.index {
            self.index = index;
            if self.timestamp != timestamp || self.at.is_none() {
                self.timestamp = timestamp;
                self.at = Some(now);
            }
        }
        Stamp { index, timestamp, begins }
    }

    /// The timestamp that belongs to `now`, for sender reports.
    pub(crate) fn timestamp_at(&self, now: Instant) -> u32 {
        let elapsed =
            self.at.map_or(0, |at| now.saturating_duration_since(at).as_micros() * CLOCK_PER_MS / 1_000);
        self.timestamp.wrapping_add(elapsed as u32)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Line {
        outgoing: Outgoing,
        now: Instant,
        sent: Vec<(u64, u32)>,
    }

    impl Line {
        fn new() -> Self {
            let now = tokio::time::Instant::now().into_std();
            Self { outgoing: Outgoing::new(65_000, u32::MAX - 2_000), now, sent: Vec::new() }
        }

        fn packet(&mut self, source: u64, index: u64, timestamp: u32) -> Option<Stamp> {
            self.now += Duration::from_millis(20);
            let stamp = self.outgoing.stamp(self.now, Source(source), index, timestamp);
            self.sent.extend(stamp.map(|stamp| (stamp.index, stamp.timestamp)));
            stamp
        }

        /// Consecutive numbers and timestamps one frame apart.
        fn assert_continuous(&self) {
            for pair in self.sent.windows(2) {
                assert_eq!(pair[1].0, pair[0].0 + 1);
                assert_eq!(pair[1].1, pair[0].1.wrapping_add(FRAME));
            }
        }
    }

    #[test]
    fn sources_take_turns_without_a_seam() {
        let mut line = Line::new();
        for turn in 0..10u64 {
            let (from_index, from_timestamp) = (turn * 40_000, (turn as u32).wrapping_mul(0x2222_2222));
            for n in 0..7u64 {
                let stamp =
                    line.packet(turn % 3, from_index + n, from_timestamp.wrapping_add(n as u32 * FRAME));
                assert_eq!(stamp.unwrap().begins, n == 0, "turn {turn} packet {n}");
            }
        }
        assert_eq!(line.sent.len(), 70);
        line.assert_continuous();
    }

    #[test]
    fn lost_packets_leave_their_gap_and_late_ones_fill_it() {
        let mut line = Line::new();
        let first = line.packet(1, 10, 0).unwrap();
        let third = line.packet(1, 12, 2 * FRAME).unwrap();
        let second = line.packet(1, 11, FRAME).unwrap();
        assert_eq!((second.index, third.index), (first.index + 1, first.index + 2));
        assert_eq!(second.timestamp, first.timestamp.wrapping_add(FRAME));
    }

    #[test]
    fn a_packet_from_before_the_switch_is_not_sent_on_used_numbers() {
        let mut line = Line::new();
        line.packet(1, 100, 0);
        line.packet(2, 5, 0);
        line.packet(1, 103, 3 * FRAME);
        assert_eq!(line.packet(1, 101, FRAME), None);
        let numbers: std::collections::HashSet<_> = line.sent.iter().map(|(index, _)| index).collect();
        assert_eq!(numbers.len(), line.sent.len());
    }

    #[test]
    fn a_peer_that_restarts_its_numbering_is_followed() {
        let mut line = Line::new();
        line.packet(1, 50_000, 7_000_000);
        line.packet(1, 50_001, 7_000_000 + FRAME);
        line.packet(1, 3, 90);
        line.packet(1, 4, 90 + FRAME);
        line.assert_continuous();
    }

    #[test]
    fn silence_between_sources_shows_in_the_timestamps() {
        let mut line = Line::new();
        line.packet(1, 1, 0);
        line.now += Duration::from_secs(1);
        line.packet(2, 1, 0);
        assert_eq!(line.sent[1].0, line.sent[0].0 + 1);
        assert_eq!(line.sent[1].1, line.sent[0].1.wrapping_add(51 * FRAME));
    }
}
