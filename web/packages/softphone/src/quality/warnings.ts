/** Which troubles are worth telling, and when they are over. Pure. */

import type { QualitySample } from './sample';

export type WarningName =
  | 'high-rtt'
  | 'high-jitter'
  | 'high-packet-loss'
  | 'low-mos'
  | 'no-audio-received'
  | 'no-audio-sent'
  | 'constant-audio-input-level';

export interface WarningChange {
  readonly name: WarningName;
  readonly raised: boolean;
  /** The value that tipped it. */
  readonly value: number;
}

interface Rule {
  readonly name: WarningName;
  /** Of the last `window` samples … */
  readonly window: number;
  /** … so many bad ones raise the warning; none clears it. */
  readonly raise: number;
  measure(sample: QualitySample): number | null;
  bad(value: number): boolean;
}

/** Three of five seconds: one bad second is not worth a person's attention, five would be half a sentence late. */
const brief = { window: 5, raise: 3 };

const RULES: readonly Rule[] = [
  { name: 'high-rtt', ...brief, measure: (s) => s.rtt, bad: (v) => v > 400 },
  { name: 'high-jitter', ...brief, measure: (s) => s.jitter, bad: (v) => v > 30 },
  { name: 'high-packet-loss', ...brief, measure: (s) => s.packetsLostFraction, bad: (v) => v > 5 },
  { name: 'low-mos', ...brief, measure: (s) => s.mos, bad: (v) => v < 3.5 },
  { name: 'no-audio-received', ...brief, measure: (s) => s.packetsReceived, bad: (v) => v === 0 },
  { name: 'no-audio-sent', ...brief, measure: (s) => s.packetsSent, bad: (v) => v === 0 },
];

/** A live microphone is never this even for this long, not even in a quiet room. */
const CONSTANT_WINDOW = 10;
const CONSTANT_SPREAD = 0.000_01;

export class WarningWatch {
  readonly #raised = new Set<WarningName>();
  readonly #history = new Map<WarningName, boolean[]>();
  #levels: number[] = [];

  /** `muted` because a muted microphone is constant on purpose. */
  handleSample(sample: QualitySample, muted: boolean): WarningChange[] {
    const changes: WarningChange[] = [];
    for (const rule of RULES) {
      const value = rule.measure(sample);
      if (value === null) continue;
      const history = [...(this.#history.get(rule.name) ?? []), rule.bad(value)].slice(-rule.window);
      this.#history.set(rule.name, history);
      const bad = history.filter(Boolean).length;
      if (bad >= rule.raise) this.#raise(rule.name, value, changes);
      else if (bad === 0) this.#clear(rule.name, value, changes);
    }
    this.#watchMicrophone(sample.audioInputLevel, muted, changes);
    return changes;
  }

  #watchMicrophone(level: number, muted: boolean, changes: WarningChange[]): void {
    this.#levels = muted ? [] : [...this.#levels, level].slice(-CONSTANT_WINDOW);
    const full = this.#levels.length === CONSTANT_WINDOW;
    const spread = Math.max(...this.#levels) - Math.min(...this.#levels);
    if (full && spread < CONSTANT_SPREAD) this.#raise('constant-audio-input-level', level, changes);
    else if (muted || spread >= CONSTANT_SPREAD) this.#clear('constant-audio-input-level', level, changes);
  }

  #raise(name: WarningName, value: number, changes: WarningChange[]): void {
    if (this.#raised.has(name)) return;
    this.#raised.add(name);
    changes.push({ name, raised: true, value });
  }

  #clear(name: WarningName, value: number, changes: WarningChange[]): void {
    if (this.#raised.delete(name)) changes.push({ name, raised: false, value });
  }
}
