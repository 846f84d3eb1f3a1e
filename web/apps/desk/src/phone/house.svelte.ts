/** What goes on around this agent's own calls: colleagues, parked calls, and conversations that can be supervised. */

import type { CallView, ColleagueView, Device } from '@offhook/softphone';

/** Several events tell of one change. */
const SETTLE_MS = 200;

export class House {
  /** Null until they were asked for. */
  colleagues = $state.raw<readonly ColleagueView[] | null>(null);
  /** Conversations of the house; empty for those who may not supervise. */
  live = $state.raw<readonly CallView[]>([]);
  parked = $state.raw<readonly CallView[]>([]);

  readonly #device: Device;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(device: Device) {
    this.#device = device;
    device.on('parked', (parked) => (this.parked = parked));
  }

  /** Asks soon; asking again before that costs nothing. */
  refresh(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#ask();
    }, SETTLE_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    try {
      const { colleagues, live } = await this.#device.colleagues();
      this.colleagues = colleagues;
      this.live = live;
    } catch {
      // The connection is away, of which the banner tells; what was known stays until it is asked again.
    }
  }
}
