/** Time that stands still until a test moves it. */

import type { Cancel, Clock } from '../../src/environment';

interface Timer {
  readonly at: number;
  readonly order: number;
  run(): void;
}

export class FakeClock implements Clock {
  #now = Date.UTC(2026, 10, 2, 9);
  #order = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Cancel {
    const timer = { at: this.#now + ms, order: this.#order++, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many things wait for their time. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves on, runs what falls due in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = this.#next(end);
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.run();
      await settle();
    }
    this.#now = end;
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      const earlier = next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order);
      if (timer.at <= end && earlier) next = timer;
    }
    return next;
  }
}

/** Lets everything that waits only for promises run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}
