/**
 * How good a call sounds, 1 (bad) to 4.5 (excellent): the E-model of ITU-T G.107, simplified to what
 * `getStats()` can see. Pure.
 */

/** R of a perfect narrow-band connection with default parameters (G.107, table 2). */
const PERFECT_R = 93.2;
/** Encoding, packetising and playing: 20 ms frames and the sound card on both sides. */
const FIXED_DELAY_MS = 40;
/** How well the codec hides lost packets; Opus with in-band FEC is about here. Higher hides more. */
const LOSS_ROBUSTNESS = 16;

export interface Path {
  readonly rttMs: number;
  readonly jitterMs: number;
  /** 0 to 1. */
  readonly loss: number;
}

export function meanOpinionScore({ rttMs, jitterMs, loss }: Path): number {
  // A jitter buffer holds about twice the jitter.
  const delay = rttMs / 2 + 2 * jitterMs + FIXED_DELAY_MS;
  // G.107 annex: people notice delay from 177.3 ms on.
  const delayImpairment = 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0);
  const lossPercent = Math.min(1, Math.max(0, loss)) * 100;
  const lossImpairment = (95 * lossPercent) / (lossPercent + LOSS_ROBUSTNESS);
  const r = Math.min(100, Math.max(0, PERFECT_R - delayImpairment - lossImpairment));
  const mos = 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r);
  return Math.round(Math.min(4.5, Math.max(1, mos)) * 100) / 100;
}
