//! The E-model (ITU-T G.107), reduced to delay and loss.

/// Loss at which half of Opus' robustness is used up, with in-band FEC.
const LOSS_ROBUSTNESS_PERCENT: f64 = 20.0;
/// Packetization, look-ahead and a minimal jitter buffer.
const FIXED_DELAY_MS: f64 = 46.5;
/// R of a perfect narrow-band connection.
const BEST_R: f64 = 93.2;

/// Mean opinion score for a share of lost packets (0 to 1), a jitter and a round trip.
pub fn mos(loss: f64, jitter_ms: f64, rtt_ms: f64) -> f64 {
    // A jitter buffer settles at about twice the jitter.
    let delay = FIXED_DELAY_MS + rtt_ms / 2.0 + 2.0 * jitter_ms;
    let beyond_notice = (delay - 177.3).max(0.0);
    let delay_impairment = 0.024 * delay + 0.11 * beyond_notice;
    let percent = 100.0 * loss.clamp(0.0, 1.0);
    let loss_impairment = 95.0 * percent / (percent + LOSS_ROBUSTNESS_PERCENT);
    let r = BEST_R - delay_impairment - loss_impairment;
    if r <= 0.0 {
        return 1.0;
    }
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_path_is_good_and_a_broken_one_bad() {
        assert!(mos(0.0, 1.0, 20.0) > 4.3);
        assert!((3.3..4.1).contains(&mos(0.05, 20.0, 100.0)), "{}", mos(0.05, 20.0, 100.0));
        assert!(mos(0.2, 40.0, 300.0) < 2.6);
        assert!((mos(1.0, 500.0, 5_000.0) - 1.0).abs() < 0.2);
    }

    #[test]
    fn worse_input_never_scores_better() {
        let scores: Vec<f64> = (0..=20).map(|n| mos(f64::from(n) / 20.0, 10.0, 80.0)).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        let scores: Vec<f64> = (0..=20).map(|n| mos(0.01, 10.0, f64::from(n) * 100.0)).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    }
}
