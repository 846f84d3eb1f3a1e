/** When to try again. */

export interface ReconnectPolicy {
  /** Milliseconds to wait before try number `attempt` (from 1), or null to give up. */
  nextDelay(attempt: number): number | null;
}

/**
 * Doubles from half a second to fifteen, and picks at random between half of that and all of it.
 * A higher roof would leave an agent unreachable for longer than a caller waits; without chance, every
 * desk of a restarted server would come back in the same millisecond.
 */
export function exponentialBackOff(random: () => number, firstMs = 500, roofMs = 15_000): ReconnectPolicy {
  return {
    nextDelay(attempt) {
      const whole = Math.min(roofMs, firstMs * 2 ** (attempt - 1));
      return whole / 2 + (random() * whole) / 2;
    },
  };
}
