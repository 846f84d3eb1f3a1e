//! The replay window: the last 64 packet indices of one source (RFC 3711 section 3.3.2).

/// Remembers the highest index and which of the 64 up to it were used.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// `None` until the first packet.
    highest: Option<u64>,
    /// Bit `n` stands for `highest - n`.
    used: u64,
}

const SIZE: u64 = u64::BITS as u64;

impl Window {
    /// The index a sequence number most likely stands for: the one nearest to the highest seen
    /// (RFC 3711 section 3.3.1).
    pub(super) fn estimate(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            return u64::from(sequence);
        };
        let rollovers = highest >> 16;
        let newest = highest as u16;
        let ahead = i32::from(sequence) - i32::from(newest);
        let rollovers = if ahead < -0x8000 {
            rollovers + 1
        } else if ahead > 0x8000 {
            // Nothing came before the first rollover period.
            rollovers.saturating_sub(1)
        } else {
            rollovers
        };
        (rollovers << 16) | u64::from(sequence)
    }

    /// Whether `index` may still be used: not seen, and not older than the window.
    pub(super) fn is_new(&self, index: u64) -> bool {
        match self.highest {
            None => true,
            Some(highest) if index > highest => true,
            Some(highest) => {
                let age = highest - index;
                age < SIZE && self.used & (1 << age) == 0
            }
        }
    }

    /// Marks `index` as used.
    pub(super) fn accept(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index <= highest => {
                let age = highest - index;
                if age < SIZE {
                    self.used |= 1 << age;
                }
            }
            Some(highest) => {
                let ahead = index - highest;
                self.used = if ahead < SIZE { (self.used << ahead) | 1 } else { 1 };
                self.highest = Some(index);
            }
            None => {
                self.used = 1;
                self.highest = Some(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_new_once() {
        let mut window = Window::default();
        for index in [100, 101, 99, 163, 100 + 64] {
            assert!(window.is_new(index), "{index}");
            window.accept(index);
            assert!(!window.is_new(index), "{index}");
        }
    }

    #[test]
    fn the_edge_is_sixty_four_wide() {
        let mut window = Window::default();
        window.accept(1_000);
        assert!(window.is_new(1_000 - 63));
        assert!(!window.is_new(1_000 - 64));
        window.accept(1_001);
        assert!(!window.is_new(1_000 - 63));
    }

    #[test]
    fn sequence_numbers_roll_over_and_come_back_late() {
        let mut window = Window::default();
        window.accept(65_534);
        assert_eq!(window.estimate(65_535), 65_535);
        assert_eq!(window.estimate(0), 65_536);
        window.accept(65_536);
        assert_eq!(window.estimate(65_535), 65_535, "late from before the rollover");
        assert_eq!(window.estimate(1), 65_537);
    }
}
