//! Telephone events of RFC 4733: pressing keys and hearing them.

/// Length of a pressed key in packets of 20 ms.
const PACKETS_PER_KEY: u16 = 8;
/// Silent packets between keys.
const PACKETS_BETWEEN: u16 = 5;
// RFC 4733 section 2.5.1.4: the end of an event is sent three times.
const END_PACKETS: u16 = 3;
// 20 ms in the event clock of 8 kHz; Meta allows no other.
const UNITS_PER_PACKET: u16 = 160;
const VOLUME: u8 = 10;

/// Keys waiting to be pressed; asked once every 20 ms.
#[derive(Debug, Default)]
pub(crate) struct Keypad {
    waiting: std::collections::VecDeque<u8>,
    step: u16,
}

/// What a keypad does with one 20 ms slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// No key is down.
    Idle,
    /// Between two keys.
    Pause,
    /// One event packet; `first` sets the marker and takes a new timestamp.
    Event { payload: [u8; 4], first: bool },
}

impl Keypad {
    /// Queues keys; characters that are no keys are left out.
    pub(crate) fn press(&mut self, keys: &str) {
        let room = 64_usize.saturating_sub(self.waiting.len());
        self.waiting.extend(keys.chars().filter_map(event_of).take(room));
    }

    /// Whether a key is down or waiting.
    pub(crate) fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What to send in this slot.
    pub(crate) fn slot(&mut self) -> Slot {
        let Some(event) = self.waiting.front().copied() else { return Slot::Idle };
        let step = self.step;
        self.step += 1;
        if step < PACKETS_PER_KEY + END_PACKETS {
            let ended = step >= PACKETS_PER_KEY;
            let duration = UNITS_PER_PACKET * (step + 1).min(PACKETS_PER_KEY);
            let [high, low] = duration.to_be_bytes();
            let flags = if ended { 0x80 | VOLUME } else { VOLUME };
            return Slot::Event { payload: [event, flags, high, low], first: step == 0 };
        }
        if step + 1 >= PACKETS_PER_KEY + END_PACKETS + PACKETS_BETWEEN {
            self.waiting.pop_front();
            self.step = 0;
        }
        Slot::Pause
    }
}

/// Hears keys: one per event timestamp, however many packets carry it.
#[derive(Debug, Default)]
pub(crate) struct KeyEar {
    last_timestamp: Option<u32>,
}

impl KeyEar {
    /// The key of a packet, the first time its event is seen.
    pub(crate) fn hear(&mut self, timestamp: u32, payload: &[u8]) -> Option<char> {
        let key = key_of(*payload.first()?)?;
        if payload.len() < 4 || self.last_timestamp == Some(timestamp) {
            return None;
        }
        self.last_timestamp = Some(timestamp);
        Some(key)
    }
}

const KEYS: &str = "0123456789*#ABCD";

fn event_of(key: char) -> Option<u8> {
    KEYS.find(key.to_ascii_uppercase()).and_then(|at| u8::try_from(at).ok())
}

fn key_of(event: u8) -> Option<char> {
    KEYS.chars().nth(usize::from(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressed_keys_are_heard_once_each_and_in_order() {
        let (mut keypad, mut ear, mut timestamp, mut heard) =
            (Keypad::default(), KeyEar::default(), 0, String::new());
        keypad.press("1 2x3#3");
        let mut slots = 0;
        while keypad.is_busy() {
            slots += 1;
            if let Slot::Event { payload, first } = keypad.slot() {
                if first {
                    timestamp += 960 * 20;
                }
                heard.extend(ear.hear(timestamp, &payload));
            }
        }
        assert_eq!(heard, "123#3");
        assert_eq!(slots, 5 * 16);
    }

    #[test]
    fn event_ends_three_times_with_its_full_duration() {
        let mut keypad = Keypad::default();
        keypad.press("5");
        let ends = std::iter::from_fn(|| keypad.is_busy().then(|| keypad.slot()))
            .filter(|slot| matches!(slot, Slot::Event { payload: [5, 0x8a, 0x05, 0x00], .. }))
            .count();
        assert_eq!(ends, 3);
    }
}
