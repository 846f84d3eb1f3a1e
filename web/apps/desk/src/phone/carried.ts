/**
 * Which bridged call this window carries the sound of, kept through a reload. A second window of the same agent
 * knows nothing of it, and so does not take the sound from the first.
 */

import type { CallFacts } from './facts';

export interface Carried {
  readonly id: string;
  /** Nobody must be heard after a reload who was not before it. */
  readonly muted: boolean;
}

const KEY = 'offhook.carried';

export function recallCarried(): Carried | null {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    if (typeof stored !== 'object' || stored === null) return null;
    return { id: String(Reflect.get(stored, 'id')), muted: Reflect.get(stored, 'muted') === true };
  } catch {
    // Storage switched off, or filled by something else: a click brings the sound back.
    return null;
  }
}

export function rememberCarried(carried: Carried | null): void {
  try {
    if (carried === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(carried));
  } catch {
    // As above.
  }
}

/** The call whose sound is in this page and would be lost with it. */
export function carriedOf(calls: readonly CallFacts[]): Carried | null {
  const found = calls.find(({ here, bridged, status }) => here && bridged && status !== 'pending');
  return found === undefined ? null : { id: found.id, muted: found.muted };
}
