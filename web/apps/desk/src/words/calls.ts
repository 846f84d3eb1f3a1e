/** A call's state and its end in words a person would use. Pure. */

import type { Call, CallStatus, CallState, Direction, ErrorView } from '@offhook/softphone';

export interface StateFacts {
  readonly status: CallStatus;
  readonly state: CallState | null;
  readonly direction: Direction;
  readonly bridged: boolean;
  readonly held: boolean;
  readonly role: Call['role'];
}

export function stateInWords({ status, state, direction, bridged, held, role }: StateFacts): string {
  switch (status) {
    case 'pending':
      return state === 'queued' ? 'Waiting…' : 'Incoming call';
    case 'connecting':
      return direction === 'outbound' ? 'Calling WhatsApp…' : 'Connecting…';
    case 'ringing':
      return 'Ringing…';
    case 'open':
      if (state === 'ending') return 'Hanging up…';
      if (role === 'listener') return 'Listening';
      if (role === 'whisperer') return 'Whispering';
      return held ? 'On hold — the customer hears music' : 'Connected';
    case 'reconnecting':
      return bridged ? 'Reconnecting your sound…' : 'Sound interrupted…';
    case 'closed':
      return 'Call ended';
  }
}

export interface Ending {
  readonly title: string;
  readonly text: string;
  readonly remedy: string | null;
  readonly tone: 'calm' | 'trouble';
  /** Calling again makes sense at once. */
  readonly again: boolean;
}

type Words = readonly [title: string, text: string, remedy?: string];

const CALM: Record<string, Words> = {
  local_hangup: ['Call ended', 'You hung up.'],
  remote_hangup: ['Call ended', 'The other side hung up.'],
  cancelled: ['Call cancelled', 'You hung up before it was answered.'],
  completed: ['Call ended', 'The conversation is over.'],
  declined: ['Declined', 'The other side declined the call.', 'Send a message first, or try later.'],
  no_answer: ['No answer', 'Nobody picked up.', 'Try again later.'],
  transferred: ['Transferred', 'The call goes on without you.'],
  parked: ['Parked', 'The customer waits with music for whoever takes the call.'],
  left: ['You left', 'The call goes on without you.'],
  removed: ['Taken out of the call', 'The call goes on without you.'],
  taken_over: ['Taken over', 'A supervisor has taken the call over.'],
  caller_abandoned: ['Caller gave up', 'The caller hung up before anybody answered.', 'Call back when you can.'],
};

const TROUBLE: Record<string, Words> = {
  no_permission: [
    'No permission to call',
    'This person has not allowed your business to call.',
    'Ask for permission: they get a message in WhatsApp and can agree with one tap.',
  ],
  unreachable: [
    'Cannot be called',
    'This number is not on WhatsApp, or its app cannot take calls.',
    'Check the number, or send a message instead.',
  ],
  country_blocked: ['Country not allowed', 'Calls to this country are not possible from your number.'],
  not_enabled: [
    'Calling is switched off',
    'Calling is not enabled on this business number.',
    'Ask your administrator to enable it.',
  ],
  limit_reached: ['Limit reached', 'WhatsApp allows no more calls at the moment.', 'Wait a while, then try again.'],
  busy: ['Already in a call', 'There is another call with this person.', 'Wait until it is over, then try again.'],
  invalid_sdp: [
    'Could not connect',
    'WhatsApp refused what this browser offered.',
    'Try again; if it happens again, try another browser.',
  ],
  token_invalid: [
    'Not authorised at WhatsApp',
    'WhatsApp refused the access token of your business number.',
    'Ask your administrator to renew it.',
  ],
  media_timeout: [
    'No sound arrived',
    'WhatsApp ended the call because no sound came through.',
    'Check your microphone and network, then call again.',
  ],
  lost: [
    'Your sound was lost',
    'It did not come back in time, so the call went to somebody else.',
    'Check your network before you take the next call.',
  ],
  no_agent: ['Nobody took the call', 'Nobody was free, so the call was ended.', 'Call the person back.'],
  agent_lost: [
    'Your sound was lost',
    'It did not come back in time, so the call was ended.',
    'Check your network, then call the person back.',
  ],
  bot_lost: [
    'Nobody took the call',
    'The voice bot went away and nobody was free, so the call was ended.',
    'Call the person back.',
  ],
  ice_failed: [
    'No connection for sound',
    'The server found no path to WhatsApp for the sound, or lost it.',
    'Call again. If it happens again, ask an administrator whether the server can send UDP to the internet.',
  ],
  dtls_failed: [
    'No connection for sound',
    'The server and WhatsApp could not agree on how to encrypt the sound.',
    'Call again. If it happens again, tell an administrator.',
  ],
  no_media_from_whatsapp: [
    'Nothing was heard',
    'No sound came from the other side any more, so the call was ended.',
    'Their network may be gone. Call them back.',
  ],
  server_restarted: ['Call interrupted', 'The server was restarted during the call.', 'Call the person back.'],
  internal_error: [
    'Call failed',
    'The call ended because of a fault in Offhook.',
    'Call again. If it happens again, tell an administrator.',
  ],
  provider_error: ['Call failed', 'WhatsApp could not set up the call.', 'Try again in a moment.'],
  unconfirmed: [
    'Not confirmed',
    'WhatsApp did not confirm the call, so it may or may not have rung.',
    'Wait a moment before you call again.',
  ],
  late: ['Came too late', 'News of this call arrived when it was over already.', 'Call back when you can.'],
  stale: ['Call closed', 'There was no news of this call for too long.'],
  vanished: [
    'Call ended',
    'It ended while the connection to the server was lost.',
    'Call back if you were not finished.',
  ],
  media_failed: [
    'No connection for sound',
    'The sound could not reach WhatsApp.',
    'Check that your network lets UDP through, then call again.',
  ],
};

const AGAIN_LATER = new Set([
  'no_permission',
  'unreachable',
  'country_blocked',
  'not_enabled',
  'token_invalid',
  'busy',
  'transferred',
  'parked',
  'left',
  'removed',
  'taken_over',
  'lost',
]);

/** Where the server knows more, such as which of WhatsApp's limits it was. */
const VAGUE = new Set(['limit_reached', 'provider_error', 'invalid_sdp']);

export function endingInWords(reason: string | null, error: ErrorView | null, direction: Direction): Ending {
  const code = reason ?? 'completed';
  // "Declined" is their doing on the way out and ours on the way in.
  if (code === 'agent_rejected' || (code === 'declined' && direction === 'inbound')) {
    return { title: 'Declined', text: 'You declined the call.', remedy: null, tone: 'calm', again: true };
  }
  const calm = CALM[code];
  const vague = VAGUE.has(code) || (calm === undefined && TROUBLE[code] === undefined);
  const [title, text, remedy] = calm ?? TROUBLE[code] ?? ['Call failed', 'Something went wrong.'];
  return {
    title,
    text: vague ? (error?.message ?? text) : text,
    remedy: (vague ? error?.remedy : null) ?? remedy ?? null,
    tone: calm === undefined ? 'trouble' : 'calm',
    again: !AGAIN_LATER.has(code),
  };
}

/** A log row's outcome in two words. */
export function outcomeInWords(row: {
  status: string;
  end_reason: string | null;
  direction: Direction;
  duration_seconds: number | null;
}): string {
  switch (row.status) {
    case 'completed':
      return row.duration_seconds === null ? 'Answered' : talkTime(row.duration_seconds);
    case 'missed':
      return row.direction === 'inbound' ? 'Missed' : row.end_reason === 'cancelled' ? 'Cancelled' : 'No answer';
    case 'failed':
      return endingInWords(row.end_reason, null, row.direction).title;
    case 'in_progress':
      return 'In progress';
    default:
      return 'Ringing';
  }
}

/** `3 min 05 s`. */
export function talkTime(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** `3:05`, `1:03:05`. */
export function clockTime(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, '0'));
  const hours = Math.floor(seconds / 3_600);
  return hours > 0 ? [hours, ...parts].join(':') : parts.join(':');
}

/** `14:05` today, `Yesterday`, then the date. */
export function whenInWords(iso: string, now: Date): string {
  const then = new Date(iso);
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const day = 86_400_000;
  if (then.getTime() >= midnight) return then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (then.getTime() >= midnight - day) return 'Yesterday';
  if (then.getTime() >= midnight - 6 * day) return then.toLocaleDateString([], { weekday: 'long' });
  return then.toLocaleDateString([], { day: 'numeric', month: 'short' });
}
