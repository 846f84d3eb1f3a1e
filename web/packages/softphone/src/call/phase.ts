/** How far along a call is, in the server's words and in Twilio's. Pure. */

import type { CallState, CallView, PartyRole } from '../protocol';

/** Twilio's `Call.State`. */
export type CallStatus = 'pending' | 'connecting' | 'ringing' | 'open' | 'reconnecting' | 'closed';

const RANK: Record<CallState, number> = {
  created: 0,
  queued: 1,
  dialing: 1,
  ringing: 2,
  answering: 3,
  connected: 4,
  ending: 5,
  completed: 6,
  rejected: 6,
  missed: 6,
  failed: 6,
};

export function isOver(state: CallState): boolean {
  return RANK[state] === RANK.completed;
}

/**
 * True when `next` may replace `now`. A reply and an event can tell of the same call in either order, and
 * a call never goes back; only a ring may move from one agent to another.
 */
export function mayFollow(now: CallView | null, next: CallView): boolean {
  if (now === null || RANK[next.state] >= RANK[now.state]) return true;
  return now.state === 'ringing' && next.state === 'queued';
}

/** The status of a call that this page has no special knowledge of. */
export function statusOf(view: CallView): CallStatus {
  if (isOver(view.state)) return 'closed';
  switch (view.state) {
    case 'connected':
    case 'ending':
      return 'open';
    case 'ringing':
      return view.direction === 'outbound' ? 'ringing' : 'pending';
    case 'queued':
      return 'pending';
    default:
      return 'connecting';
  }
}

/** What somebody is to a call; null when they are not in it. */
export function roleOf(view: CallView | null, agentId: string | null): 'owner' | PartyRole | null {
  if (view === null || agentId === null) return null;
  if (view.agent?.id === agentId) return 'owner';
  return view.table?.parties.find(({ agent }) => agent.id === agentId)?.role ?? null;
}
