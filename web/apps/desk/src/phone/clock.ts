/**
 * A clock that keeps time in a hidden tab. A browser slows the timers of hidden pages down to one a minute,
 * which is as long as the server waits before it gives a silent desk up; the timers of a worker are not slowed.
 */

import type { Clock } from '@offhook/softphone';

export type Order = { readonly set: number; readonly ms: number } | { readonly clear: number };

/** The page's end of the worker. */
export interface Timekeeper {
  postMessage(order: Order): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
}

export function steadyClock(): Clock {
  return clockOf(new Worker(new URL('clock-worker.ts', import.meta.url), { type: 'module' }));
}

export function clockOf(timekeeper: Timekeeper): Clock {
  const due = new Map<number, () => void>();
  let last = 0;
  timekeeper.addEventListener('message', ({ data }) => {
    if (typeof data !== 'number') return;
    const run = due.get(data);
    due.delete(data);
    run?.();
  });
  return {
    now: () => Date.now(),
    after(ms, run) {
      last += 1;
      const id = last;
      due.set(id, run);
      timekeeper.postMessage({ set: id, ms });
      return () => {
        if (due.delete(id)) timekeeper.postMessage({ clear: id });
      };
    },
  };
}
