//! The magic numbers: the last four digits of a user's number decide how that phone behaves.

use crate::knobs::Knobs;

/// The last four digits of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suffix(u16);

impl Suffix {
    /// The suffix of a number in digits; short numbers have none of the magic ones.
    pub(crate) fn of(digits: &str) -> Self {
        let tail = digits.len().saturating_sub(4);
        Self(digits.get(tail..).and_then(|text| text.parse().ok()).unwrap_or(u16::MAX))
    }

    /// Whether the table gives this phone a behaviour of its own.
    pub(crate) fn is_magic(self) -> bool {
        matches!(self.0, 1..=15)
    }

    /// The user starts without call permission, whatever the others have.
    pub(crate) fn starts_without_permission(self) -> bool {
        matches!(self.0, 6 | 12 | 13)
    }

    /// The user cannot be called at all.
    pub(crate) fn is_uncallable(self) -> bool {
        self.0 == 7
    }

    /// What the user does with a permission request, if the user does something alone.
    pub(crate) fn permission_reply(self) -> Option<bool> {
        match self.0 {
            12 => Some(true),
            13 => Some(false),
            _ => None,
        }
    }

    /// Webhooks of this user's calls come twice, out of order, in batches and late.
    pub(crate) fn webhooks_in_disorder(self) -> bool {
        self.0 == 9
    }

    /// The `connect` webhook of an outbound call comes before the reply to the POST.
    pub(crate) fn connect_webhook_first(self) -> bool {
        self.0 == 10
    }

    /// How many Graph requests fail with 500 before one works.
    pub(crate) fn graph_failures(self) -> u32 {
        if self.0 == 15 { 2 } else { 0 }
    }

    /// Packets in a hundred lost on the way.
    pub(crate) fn loss_percent(self, knobs: &Knobs) -> u8 {
        if self.0 == 14 { knobs.loss_percent } else { 0 }
    }

    /// What the phone does when the business calls it.
    pub(crate) fn when_called(self, knobs: &Knobs) -> Script {
        let answers = Script { reaction: Reaction::Answers(knobs.phone_answers_ms), ..Script::default() };
        match self.0 {
            2 => Script { sound: Sound::Tone(knobs.tone_hz), ..answers },
            3 => Script { reaction: Reaction::Declines(knobs.phone_declines_ms), ..answers },
            4 => Script { reaction: Reaction::Nothing, ..answers },
            5 => Script { hangs_up_after_ms: Some(knobs.phone_hangs_up_ms), ..answers },
            8 => Script { sound: Sound::Nothing, ..answers },
            11 => Script { keys: Some("123#".to_owned()), ..answers },
            1 | 6..=7 | 9..=10 | 12..=15 => answers,
            _ => Script { reaction: Reaction::Nothing, ..answers },
        }
    }

    /// What the phone does when it calls the business.
    pub(crate) fn when_calling(self, knobs: &Knobs) -> Script {
        let echo = Script::default();
        match self.0 {
            2 => Script { sound: Sound::Tone(knobs.tone_hz), ..echo },
            3 => Script { gives_up_after_ms: Some(knobs.caller_gives_up_ms), ..echo },
            4 => Script { sound: Sound::Silence, ..echo },
            5 => Script { hangs_up_after_ms: Some(knobs.phone_hangs_up_ms), ..echo },
            8 => Script { sound: Sound::Nothing, ..echo },
            10 => Script { gives_up_after_ms: Some(0), terminate_first: true, ..echo },
            11 => Script { keys: Some("123#".to_owned()), ..echo },
            1 | 6..=7 | 9 | 12..=15 => echo,
            _ => Script { sound: Sound::Tone(knobs.tone_hz), ..echo },
        }
    }
}

/// How one phone behaves in one call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    /// What it does when it rings.
    pub(crate) reaction: Reaction,
    /// What it says once answered.
    pub(crate) sound: Sound,
    /// When it hangs up, counted from the answer.
    pub(crate) hangs_up_after_ms: Option<u64>,
    /// When a caller gives up waiting.
    pub(crate) gives_up_after_ms: Option<u64>,
    /// Keys it presses after the answer.
    pub(crate) keys: Option<String>,
    /// Its `terminate` overtakes its `connect`.
    pub(crate) terminate_first: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            reaction: Reaction::Nothing,
            sound: Sound::Echo,
            hangs_up_after_ms: None,
            gives_up_after_ms: None,
            keys: None,
            terminate_first: false,
        }
    }
}

/// What a ringing phone does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Answers after so many milliseconds.
    Answers(u64),
    /// Declines after so many milliseconds.
    Declines(u64),
    /// Rings until a person, the control API or the timeout decides.
    Nothing,
}

/// What a phone says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sound {
    /// What it hears.
    Echo,
    /// A sine of so many hertz.
    Tone(f32),
    /// Silent audio packets.
    Silence,
    /// Not a single packet.
    Nothing,
    /// What the person at a phone page says.
    Person,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_four_digits_decide() {
        assert!(Suffix::of("15550000007").is_uncallable());
        assert!(Suffix::of("447700900006").starts_without_permission());
        assert!(!Suffix::of("447700900123").is_magic());
        assert!(!Suffix::of("07").is_magic() || Suffix::of("07").is_uncallable());
    }

    #[test]
    fn the_echo_phone_answers_after_a_second() {
        let script = Suffix::of("15550000001").when_called(&Knobs::default());
        assert_eq!(script.reaction, Reaction::Answers(1_000));
        assert_eq!(script.sound, Sound::Echo);
    }

    #[test]
    fn an_ordinary_number_rings_for_a_person() {
        assert_eq!(Suffix::of("447700900123").when_called(&Knobs::default()).reaction, Reaction::Nothing);
    }
}
