//! What a phone heard: packets counted, sound decoded, tones measured. Its memory is bounded whatever the call does.

use std::collections::VecDeque;

use opus::{Channels, Decoder};
use serde::Serialize;

use super::dtmf::KeyEar;
use super::spectrum::{SAMPLE_RATE, Spectrum, WINDOW, level_db};

// Ten minutes of windows, and more gaps, tones and keys than a person would read.
const MAX_WINDOWS: usize = 6_000;
const MAX_LIST: usize = 200;
const MAX_SSRCS: usize = 16;
/// Packets come every 20 ms; a pause this long is a hole one hears.
const GAP_MS: u64 = 100;
const SILENCE_DB: f32 = -55.0;
/// Windows that must agree before a tone counts as heard, and how closely.
const STEADY_WINDOWS: usize = 3;
const STEADY_HZ: f32 = 12.0;
/// Losses longer than this are silence, not concealment.
const MAX_CONCEALED: u16 = 5;
// The longest Opus packet: 120 ms.
const MAX_SAMPLES: usize = SAMPLE_RATE as usize * 120 / 1000;

/// News about what is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum News {
    Tone { hz: f32, db: f32 },
    Silence,
    Key(char),
}

/// One tenth of a second of sound.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Window {
    /// Its end.
    pub at_ms: u64,
    /// The dominant frequency; 0 when it was silent.
    pub hz: f32,
    /// Decibels relative to full scale.
    pub db: f32,
}

/// A pause in the packets.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Gap {
    /// The packet before it.
    pub at_ms: u64,
    /// Until the packet after it.
    pub length_ms: u64,
}

/// A stretch of one steady tone.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tone {
    /// Its frequency when it began.
    pub hz: f32,
    /// When it began.
    pub from_ms: u64,
    /// When it was last heard.
    pub to_ms: u64,
}

/// What the control API tells about a phone's ear; times are Unix milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HeardView {
    /// Authenticated packets, sound and keys.
    pub packets: u64,
    /// Their payload.
    pub bytes: u64,
    /// How many came before the call was answered; the user does not hear them.
    pub packets_before_answer: u64,
    /// Missing sequence numbers.
    pub lost: u64,
    /// Packets that are no Opus.
    pub undecodable: u64,
    /// Every stream that was sent; Meta allows one.
    pub ssrcs: Vec<u32>,
    /// The first packet.
    pub first_packet_at_ms: Option<u64>,
    /// Relative to the answer; negative when sound came before it.
    pub first_packet_after_answer_ms: Option<i64>,
    /// The newest packet.
    pub last_packet_at_ms: Option<u64>,
    /// Pauses of more than 100 ms.
    pub gaps: Vec<Gap>,
    /// Keys in the order they were pressed.
    pub keys: String,
    /// The tone heard right now.
    pub now_hz: Option<f32>,
    /// The level of the newest window.
    pub now_db: Option<f32>,
    /// Steady tones, in order.
    pub tones: Vec<Tone>,
    /// Every tenth of a second; only in the answer about one call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
}

/// The ear of one phone.
pub(crate) struct Heard {
    decoder: Decoder,
    spectrum: Spectrum,
    key_ear: KeyEar,
    samples: Vec<f32>,
    windows: VecDeque<Window>,
    steady: Option<f32>,
    last_sequence: Option<u16>,
    answered_at: Option<u64>,
    view: HeardView,
}

impl Heard {
    pub(crate) fn new() -> Result<Self, opus::Error> {
        Ok(Self {
            decoder: Decoder::new(SAMPLE_RATE, Channels::Mono)?,
            spectrum: Spectrum::new(),
            key_ear: KeyEar::default(),
            samples: Vec::with_capacity(2 * WINDOW),
            windows: VecDeque::new(),
            steady: None,
            last_sequence: None,
            answered_at: None,
            view: HeardView::default(),
        })
    }

    /// The call was answered: what comes from now on is heard by the user.
    pub(crate) fn answered(&mut self, now: u64) {
        self.answered_at.get_or_insert(now);
    }

    /// An authenticated packet of sound.
    pub(crate) fn audio(&mut self, now: u64, ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<News> {
        self.count(now, ssrc, payload.len());
        let missing = self.missing_before(sequence);
        let Some(missing) = missing else { return Vec::new() };
        self.view.lost += u64::from(missing);
        let mut news = Vec::new();
        if (1..=MAX_CONCEALED).contains(&missing) {
            for _ in 0..missing {
                self.decode(now, &[], &mut news);
            }
        }
        self.decode(now, payload, &mut news);
        news
    }

    /// An authenticated telephone-event packet.
    pub(crate) fn key(
        &mut self,
        now: u64,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
    ) -> Option<News> {
        self.count(now, ssrc, payload.len());
        if let Some(missing) = self.missing_before(sequence) {
            self.view.lost += u64::from(missing);
        }
        let key = self.key_ear.hear(timestamp, payload)?;
        if self.view.keys.len() < MAX_LIST {
            self.view.keys.push(key);
        }
        Some(News::Key(key))
    }

    /// Everything heard so far; the list of windows only on request, it is long.
    pub(crate) fn view(&self, with_windows: bool) -> HeardView {
        let mut view = self.view.clone();
        view.first_packet_after_answer_ms = match (view.first_packet_at_ms, self.answered_at) {
            (Some(first), Some(answered)) => Some(first.cast_signed() - answered.cast_signed()),
            _ => None,
        };
        view.now_hz = self.steady;
        view.now_db = self.windows.back().map(|window| window.db);
        if with_windows {
            view.windows = self.windows.iter().copied().collect();
        }
        view
    }

    fn count(&mut self, now: u64, ssrc: u32, bytes: usize) {
        let view = &mut self.view;
        view.packets += 1;
        view.bytes += bytes as u64;
        view.packets_before_answer += u64::from(self.answered_at.is_none());
        if view.ssrcs.len() < MAX_SSRCS && !view.ssrcs.contains(&ssrc) {
            view.ssrcs.push(ssrc);
        }
        view.first_packet_at_ms.get_or_insert(now);
        if let Some(last) = view.last_packet_at_ms
            && now.saturating_sub(last) > GAP_MS
            && view.gaps.len() < MAX_LIST
        {
            view.gaps.push(Gap { at_ms: last, length_ms: now - last });
        }
        view.last_packet_at_ms = Some(now);
    }

    // How many packets are missing before this one; None for a late or repeated packet.
    fn missing_before(&mut self, sequence: u16) -> Option<u16> {
        let Some(last) = self.last_sequence else {
            self.last_sequence = Some(sequence);
            return Some(0);
        };
        let ahead = sequence.wrapping_sub(last);
        if ahead == 0 || ahead > 0x8000 {
            return None;
        }
        self.last_sequence = Some(sequence);
        Some(ahead - 1)
    }

    fn decode(&mut self, now: u64, payload: &[u8], news: &mut Vec<News>) {
        let mut pcm = [0.0_f32; MAX_SAMPLES];
        // Concealment fills exactly the buffer it is given: one packet.
        let room = if payload.is_empty() { SAMPLE_RATE as usize / 50 } else { MAX_SAMPLES };
        let Ok(length) = self.decoder.decode_float(payload, &mut pcm[..room], false) else {
            self.view.undecodable += 1;
            return;
        };
        self.samples.extend_from_slice(&pcm[..length]);
        while self.samples.len() >= WINDOW {
            let window: Vec<f32> = self.samples.drain(..WINDOW).collect();
            self.window(now, &window, news);
        }
    }

    fn window(&mut self, now: u64, samples: &[f32], news: &mut Vec<News>) {
        let db = level_db(samples);
        let hz = if db > SILENCE_DB { self.spectrum.dominant_hz(samples) } else { 0.0 };
        if self.windows.len() == MAX_WINDOWS {
            self.windows.pop_front();
        }
        self.windows.push_back(Window { at_ms: now, hz, db });
        if self.windows.len() < STEADY_WINDOWS {
            return;
        }
        let recent: Vec<Window> = self.windows.iter().rev().take(STEADY_WINDOWS).copied().collect();
        let (low, high) =
            recent.iter().fold((f32::MAX, 0.0_f32), |(low, high), w| (low.min(w.hz), high.max(w.hz)));
        if high == 0.0 {
            if self.steady.take().is_some() {
                news.push(News::Silence);
            }
        } else if high - low <= STEADY_HZ {
            self.steady_tone(now, (low + high) / 2.0, db, news);
        }
    }

    fn steady_tone(&mut self, now: u64, hz: f32, db: f32, news: &mut Vec<News>) {
        let same = self.steady.is_some_and(|steady| (steady - hz).abs() <= STEADY_HZ);
        if same {
            if let Some(tone) = self.view.tones.last_mut() {
                tone.to_ms = now;
            }
            return;
        }
        self.steady = Some(hz);
        if self.view.tones.len() < MAX_LIST {
            let from_ms = now.saturating_sub(100 * STEADY_WINDOWS as u64);
            self.view.tones.push(Tone { hz, from_ms, to_ms: now });
        }
        news.push(News::Tone { hz, db });
    }
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heard").field("packets", &self.view.packets).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sound::Voice;
    use super::*;

    fn listen(heard: &mut Heard, voice: &mut Voice, hz: f32, range: std::ops::Range<u16>) -> Vec<News> {
        range.flat_map(|n| heard.audio(u64::from(n) * 20, 9, n, &voice.packet(hz).unwrap())).collect()
    }

    #[test]
    fn a_tone_through_opus_is_measured() {
        let (mut heard, mut voice) = (Heard::new().unwrap(), Voice::new().unwrap());
        let news = listen(&mut heard, &mut voice, 440.0, 0..50);
        assert!(matches!(news[..], [News::Tone { hz, .. }] if (hz - 440.0).abs() < 4.0), "{news:?}");
        let news = listen(&mut heard, &mut voice, 0.0, 50..100);
        assert_eq!(news, [News::Silence]);
        let view = heard.view(true);
        assert_eq!((view.packets, view.lost, view.ssrcs), (100, 0, vec![9]));
        assert_eq!(view.windows.len(), 20);
    }

    #[test]
    fn one_packet_in_ten_lost_is_counted_and_the_tone_stays_clear() {
        let (mut heard, mut voice) = (Heard::new().unwrap(), Voice::new().unwrap());
        let mut news = Vec::new();
        for n in 0_u16..100 {
            let packet = voice.packet(600.0).unwrap();
            if n % 10 != 5 {
                news.extend(heard.audio(u64::from(n) * 20, 9, n, &packet));
            }
        }
        assert_eq!(heard.view(false).lost, 10);
        assert!(matches!(news[0], News::Tone { hz, .. } if (hz - 600.0).abs() < 6.0), "{news:?}");
    }

    #[test]
    fn a_pause_in_the_packets_is_a_gap() {
        let (mut heard, mut voice) = (Heard::new().unwrap(), Voice::new().unwrap());
        heard.audio(1_000, 9, 1, &voice.packet(0.0).unwrap());
        heard.audio(1_500, 9, 2, &voice.packet(0.0).unwrap());
        let gaps = heard.view(false).gaps;
        assert_eq!((gaps[0].at_ms, gaps[0].length_ms), (1_000, 500));
    }

    #[test]
    fn garbage_is_counted_not_decoded() {
        let mut heard = Heard::new().unwrap();
        heard.audio(0, 9, 1, &[0xff; 3]);
        assert_eq!(heard.view(false).undecodable, 1);
    }
}
