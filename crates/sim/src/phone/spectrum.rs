//! Finds the dominant frequency of a window of sound.

use std::f32::consts::PI;

/// Sample rate of the analysis; WhatsApp's sound is wideband, so nothing above 8 kHz is lost.
pub(crate) const SAMPLE_RATE: u32 = 16_000;
/// A tenth of a second.
pub(crate) const WINDOW: usize = 1_600;
// The next power of two: zero padding costs little and the peak is interpolated anyway.
const SIZE: usize = 2_048;
const BIN_HZ: f32 = SAMPLE_RATE as f32 / SIZE as f32;

/// A transform of one size with its tables.
#[derive(Debug)]
pub(crate) struct Spectrum {
    hann: Vec<f32>,
    twiddles: Vec<(f32, f32)>,
    work: Vec<(f32, f32)>,
}

impl Spectrum {
    pub(crate) fn new() -> Self {
        let hann = (0..WINDOW).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f32 / WINDOW as f32).cos()).collect();
        let twiddles = (0..SIZE / 2)
            .map(|i| (-2.0 * PI * i as f32 / SIZE as f32).sin_cos())
            .map(|(s, c)| (c, s))
            .collect();
        Self { hann, twiddles, work: vec![(0.0, 0.0); SIZE] }
    }

    /// The loudest frequency between 60 Hz and 7.5 kHz of exactly one window.
    pub(crate) fn dominant_hz(&mut self, samples: &[f32]) -> f32 {
        debug_assert_eq!(samples.len(), WINDOW);
        self.work.fill((0.0, 0.0));
        for (slot, (sample, weight)) in self.work.iter_mut().zip(samples.iter().zip(&self.hann)) {
            slot.0 = sample * weight;
        }
        self.transform();
        let power =
            |bin: usize| self.work[bin].0.mul_add(self.work[bin].0, self.work[bin].1 * self.work[bin].1);
        let lowest = (60.0 / BIN_HZ) as usize;
        let highest = (7_500.0 / BIN_HZ) as usize;
        let peak = (lowest..highest).max_by(|a, b| power(*a).total_cmp(&power(*b))).unwrap_or(lowest);
        // A parabola through the logarithms of three bins finds the top between them.
        let [left, top, right] = [peak - 1, peak, peak + 1].map(|bin| (power(bin) + 1e-12).ln());
        let curve = left - 2.0 * top + right;
        let shift = if curve.abs() < 1e-9 { 0.0 } else { 0.5 * (left - right) / curve };
        (peak as f32 + shift.clamp(-0.5, 0.5)) * BIN_HZ
    }

    // Iterative radix 2, decimation in time.
    fn transform(&mut self) {
        let bits = SIZE.trailing_zeros();
        for i in 0..SIZE {
            let j = i.reverse_bits() >> (usize::BITS - bits);
            if i < j {
                self.work.swap(i, j);
            }
        }
        let mut half = 1;
        while half < SIZE {
            let stride = SIZE / (2 * half);
            for start in (0..SIZE).step_by(2 * half) {
                for k in 0..half {
                    let (wr, wi) = self.twiddles[k * stride];
                    let (ar, ai) = self.work[start + k];
                    let (br, bi) = self.work[start + k + half];
                    let (tr, ti) = (br * wr - bi * wi, br * wi + bi * wr);
                    self.work[start + k] = (ar + tr, ai + ti);
                    self.work[start + k + half] = (ar - tr, ai - ti);
                }
            }
            half *= 2;
        }
    }
}

/// Level in decibels relative to full scale; silence is -120.
pub(crate) fn level_db(samples: &[f32]) -> f32 {
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32;
    (10.0 * (power + 1e-12).log10()).max(-120.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f32, amplitude: f32) -> Vec<f32> {
        (0..WINDOW).map(|i| amplitude * (2.0 * PI * hz * i as f32 / SAMPLE_RATE as f32).sin()).collect()
    }

    #[test]
    fn tones_are_measured_within_two_hertz() {
        let mut spectrum = Spectrum::new();
        for hz in [100.0, 300.0, 440.0, 523.25, 1_000.0, 3_333.0] {
            let heard = spectrum.dominant_hz(&sine(hz, 0.3));
            assert!((heard - hz).abs() < 2.0, "{hz} heard as {heard}");
        }
    }

    #[test]
    fn full_scale_sine_is_three_decibels_below_full_scale() {
        assert!((level_db(&sine(440.0, 1.0)) + 3.0).abs() < 0.1);
        assert!(level_db(&[0.0; WINDOW]) <= -119.0);
    }
}
