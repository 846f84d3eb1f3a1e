/** Looks at a call every second and tells what it sees. */

import { Emitter } from '../emitter';
import type { Cancel, Clock, Stats } from '../environment';
import { readStats, sampleBetween, type QualitySample, type Reading } from './sample';
import { WarningWatch, type WarningChange } from './warnings';

const EVERY_MS = 1_000;

interface MonitorEvents {
  sample: [QualitySample];
  warning: [WarningChange];
}

export class QualityMonitor extends Emitter<MonitorEvents> {
  readonly #clock: Clock;
  readonly #stats: () => Promise<Stats>;
  readonly #muted: () => boolean;
  readonly #watch = new WarningWatch();
  #last: Reading | null = null;
  #cancel: Cancel | null = null;
  #stopped = false;

  constructor(clock: Clock, stats: () => Promise<Stats>, muted: () => boolean) {
    super();
    this.#clock = clock;
    this.#stats = stats;
    this.#muted = muted;
    void this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #look(): Promise<void> {
    try {
      this.handleReading(readStats(this.#clock.now(), await this.#stats()));
    } catch {
      // The connection closed under us; the call tells why.
    }
    if (!this.#stopped) this.#cancel = this.#clock.after(EVERY_MS, () => void this.#look());
  }

  handleReading(reading: Reading): void {
    const last = this.#last;
    this.#last = reading;
    if (last === null || this.#stopped) return;
    const sample = sampleBetween(last, reading);
    this.emit('sample', sample);
    for (const change of this.#watch.handleSample(sample, this.#muted())) this.emit('warning', change);
  }
}
