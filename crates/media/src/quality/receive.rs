//! Counting what arrives from one SSRC (RFC 3550 appendices A.3 and A.8).

use std::time::{Duration, Instant};

use crate::rtcp::Block;

/// Opus' RTP clock, whatever the audio bandwidth (RFC 7587).
const CLOCK_HZ: u128 = 48_000;

/// Receive counters of one leg; a new SSRC starts them afresh but for the totals.
#[derive(Debug)]
pub(crate) struct Receive {
    started: Instant,
    ssrc: Option<u32>,
    first_index: u64,
    highest_index: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// Lost under SSRCs that are gone.
    lost_earlier: u64,
    packets: u64,
    transit: Option<i64>,
    /// In clock units, times sixteen.
    jitter: u64,
    loss: f64,
    sender_report: Option<(u32, Instant)>,
}

impl Receive {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            started: now,
            ssrc: None,
            first_index: 0,
            highest_index: 0,
            received: 0,
            expected_before: 0,
            received_before: 0,
            lost_earlier: 0,
            packets: 0,
            transit: None,
            jitter: 0,
            loss: 0.0,
            sender_report: None,
        }
    }

    /// Counts one accepted packet.
    pub(crate) fn packet(&mut self, now: Instant, ssrc: u32, index: u64, timestamp: u32) {
        if self.ssrc != Some(ssrc) {
            self.lost_earlier = self.lost();
            self.ssrc = Some(ssrc);
            (self.first_index, self.highest_index) = (index, index);
            (self.received, self.expected_before, self.received_before) = (0, 0, 0);
            (self.transit, self.sender_report) = (None, None);
        }
        self.packets += 1;
        self.received += 1;
        // Packets from before the first one widen the range instead of counting as negative loss.
        self.first_index = self.first_index.min(index);
        self.highest_index = self.highest_index.max(index);
        let arrival = (now.saturating_duration_since(self.started).as_micros() * CLOCK_HZ / 1_000_000) as u32;
        let transit = i64::from(arrival.wrapping_sub(timestamp) as i32);
        if let Some(before) = self.transit.replace(transit) {
            // A jump of seconds is a change of source, not jitter.
            let moved = (transit - before).unsigned_abs();
            if moved < 2 * CLOCK_HZ as u64 {
                self.jitter = (self.jitter + moved).saturating_sub((self.jitter + 8) >> 4);
            }
        }
    }

    /// Remembers when the peer's sender report came, to be named in our next block.
    pub(crate) fn sender_report(&mut self, now: Instant, ssrc: u32, middle_ntp: u32) {
        if self.ssrc == Some(ssrc) {
            self.sender_report = Some((middle_ntp, now));
        }
    }

    /// Ends a reporting interval: the block to send, `None` if nothing has been heard at all.
    pub(crate) fn block(&mut self, now: Instant) -> Option<Block> {
        let ssrc = self.ssrc?;
        let expected = self.expected();
        let expected_now = expected - self.expected_before;
        let received_now = self.received - self.received_before;
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        self.loss = if expected_now == 0 { 0.0 } else { lost_now as f64 / expected_now as f64 };
        let (last_report, delay) = self
            .sender_report
            .map_or((0, 0), |(middle, at)| (middle, ntp_short(now.saturating_duration_since(at))));
        Some(Block {
            ssrc,
            fraction_lost: (self.loss * 256.0).min(255.0) as u8,
            lost: self.lost().min(0x7f_ffff) as u32,
            highest: self.highest_index as u32,
            jitter: (self.jitter >> 4) as u32,
            last_report,
            delay,
        })
    }

    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost_earlier + self.expected().saturating_sub(self.received)
    }

    /// Share lost in the last finished interval.
    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }

    pub(crate) fn jitter_ms(&self) -> f64 {
        (self.jitter >> 4) as f64 / 48.0
    }

    fn expected(&self) -> u64 {
        if self.received == 0 { 0 } else { self.highest_index - self.first_index + 1 }
    }
}

/// A duration in units of 1/65536 second (RFC 3550 section 4).
pub(crate) fn ntp_short(duration: Duration) -> u32 {
    (duration.as_micros() * 65_536 / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(receive: &mut Receive, start: Instant, indices: impl IntoIterator<Item = u64>) {
        for index in indices {
            receive.packet(start + Duration::from_millis(20 * index), 1, index, (index * 960) as u32);
        }
    }

    #[test]
    fn one_in_ten_lost_is_reported_as_such() {
        let start = Instant::now_for_tests();
        let mut receive = Receive::new(start);
        feed(&mut receive, start, (0..100).filter(|n| n % 10 != 5));
        let block = receive.block(start).unwrap();
        assert_eq!((block.lost, block.fraction_lost), (10, 25));
        assert_eq!(receive.packets(), 90);
        assert!(receive.jitter_ms() < 0.1, "a steady stream has no jitter");
        feed(&mut receive, start, 100..200);
        let block = receive.block(start).unwrap();
        assert_eq!((block.lost, block.fraction_lost), (10, 0), "the next interval was clean");
    }

    #[test]
    fn reordering_is_not_loss() {
        let start = Instant::now_for_tests();
        let mut receive = Receive::new(start);
        feed(&mut receive, start, [3, 1, 2, 0, 5, 4]);
        assert_eq!(receive.block(start).unwrap().lost, 0);
    }

    #[test]
    fn packets_alternately_early_and_late_show_as_jitter() {
        let start = Instant::now_for_tests();
        let mut receive = Receive::new(start);
        for n in 0..200u64 {
            let late = if n % 2 == 0 { 0 } else { 10 };
            receive.packet(start + Duration::from_millis(20 * n + late), 1, n, (n * 960) as u32);
        }
        assert!((8.0..11.0).contains(&receive.jitter_ms()), "{}", receive.jitter_ms());
    }

    #[test]
    fn a_new_ssrc_keeps_the_totals() {
        let start = Instant::now_for_tests();
        let mut receive = Receive::new(start);
        feed(&mut receive, start, [0, 1, 3]);
        receive.packet(start, 2, 60_000, 7);
        assert_eq!((receive.packets(), receive.lost()), (4, 1));
    }

    /// Tests need some instant to count from; which one never matters.
    trait ForTests {
        fn now_for_tests() -> Instant;
    }

    impl ForTests for Instant {
        fn now_for_tests() -> Instant {
            tokio::time::Instant::now().into_std()
        }
    }
}
