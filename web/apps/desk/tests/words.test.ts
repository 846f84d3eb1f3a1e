import { describe, expect, test } from 'vitest';
import { clockTime, endingInWords, outcomeInWords, stateInWords, talkTime, whenInWords } from '../src/words/calls';
import { verdictOf } from '../src/words/quality';

describe('the state of a call', () => {
  test.each([
    ['connecting', 'outbound', 'Calling WhatsApp…'],
    ['ringing', 'outbound', 'Ringing…'],
    ['open', 'outbound', 'Connected'],
    ['connecting', 'inbound', 'Connecting…'],
    ['reconnecting', 'inbound', 'Sound interrupted…'],
  ] as const)('%s %s is "%s"', (status, direction, words) => {
    expect(stateInWords({ status, direction, state: null, bridged: false, held: false, role: null })).toBe(words);
  });

  test('of a bridged call tells of hold and of sound that comes back', () => {
    const bridged = {
      status: 'open',
      direction: 'inbound',
      state: 'connected',
      bridged: true,
      held: true,
      role: 'owner',
    } as const;
    expect(stateInWords(bridged)).toBe('On hold — the customer hears music');
    expect(stateInWords({ ...bridged, held: false })).toBe('Connected');
    expect(stateInWords({ ...bridged, status: 'reconnecting' })).toBe('Reconnecting your sound…');
    expect(stateInWords({ ...bridged, state: 'ending' })).toBe('Hanging up…');
  });
});

describe('the end of a call', () => {
  // Every reason of crates/core/src/call/end.rs: a new one must get words of its own.
  test.each([
    'local_hangup',
    'remote_hangup',
    'declined',
    'agent_rejected',
    'no_answer',
    'caller_abandoned',
    'cancelled',
    'late',
    'no_permission',
    'unreachable',
    'country_blocked',
    'not_enabled',
    'limit_reached',
    'busy',
    'invalid_sdp',
    'token_invalid',
    'media_timeout',
    'internal_error',
    'provider_error',
    'unconfirmed',
    'stale',
    'agent_lost',
    'bot_lost',
    'ice_failed',
    'dtls_failed',
    'no_media_from_whatsapp',
    'server_restarted',
  ])('%s has words of its own', (reason) => {
    expect(endingInWords(reason, null, 'outbound').title).not.toBe('');
    expect(endingInWords(reason, null, 'outbound').text).not.toBe('Something went wrong.');
  });

  test('declined is their doing on the way out and ours on the way in', () => {
    expect(endingInWords('declined', null, 'outbound').text).toContain('other side');
    expect(endingInWords('declined', null, 'inbound').text).toContain('You');
  });

  test('a reason of a later server shows what that server says', () => {
    const error = { code: 'eclipse', message: 'The moon is in the way.', remedy: 'Wait.' };
    expect(endingInWords('eclipse', error, 'outbound')).toMatchObject({ text: error.message, remedy: 'Wait.' });
  });

  test('which limit it was is told as the server tells it', () => {
    const error = { code: 'limit_reached', message: 'No more calls today.', remedy: 'Call tomorrow.' };
    expect(endingInWords('limit_reached', error, 'outbound')).toMatchObject({ text: error.message });
  });

  test('calling again is offered only where it can help', () => {
    expect(endingInWords('no_answer', null, 'outbound').again).toBe(true);
    expect(endingInWords('no_permission', null, 'outbound').again).toBe(false);
  });
});

describe('times', () => {
  test.each([
    [0, '00:00'],
    [65_900, '01:05'],
    [3_783_000, '1:03:03'],
  ])('%i ms is %s on the timer', (milliseconds, text) => {
    expect(clockTime(milliseconds)).toBe(text);
  });

  test.each([
    [42, '42 s'],
    [185, '3 min 05 s'],
    [3_912, '1 h 05 min'],
  ])('%i s of talk is %s', (seconds, text) => {
    expect(talkTime(seconds)).toBe(text);
  });

  test('yesterday begins at midnight, not after a day', () => {
    const now = new Date(2026, 10, 2, 0, 30);
    expect(whenInWords(new Date(2026, 10, 1, 23, 50).toISOString(), now)).toBe('Yesterday');
    expect(whenInWords(new Date(2026, 10, 2, 0, 10).toISOString(), now)).toMatch(/12:10|00:10/);
  });
});

describe('a row of the log', () => {
  const row = { end_reason: null, duration_seconds: null };
  test.each([
    [{ ...row, status: 'completed', direction: 'inbound', duration_seconds: 65 }, '1 min 05 s'],
    [{ ...row, status: 'missed', direction: 'inbound' }, 'Missed'],
    [{ ...row, status: 'missed', direction: 'outbound', end_reason: 'no_answer' }, 'No answer'],
    [{ ...row, status: 'missed', direction: 'outbound', end_reason: 'cancelled' }, 'Cancelled'],
    [{ ...row, status: 'failed', direction: 'outbound', end_reason: 'declined' }, 'Declined'],
    [{ ...row, status: 'in_progress', direction: 'outbound' }, 'In progress'],
  ] as const)('$status $direction is told in words', (each, words) => {
    expect(outcomeInWords(each)).toBe(words);
  });
});

describe('quality', () => {
  const sample = {
    timestamp: 0,
    rtt: 50,
    jitter: 3,
    packetsReceived: 50,
    packetsLost: 0,
    packetsLostFraction: 0,
    packetsSent: 50,
    bytesReceived: 4_000,
    bytesSent: 4_000,
    mos: 4.3,
    audioInputLevel: 0,
    audioOutputLevel: 0,
    codecName: 'opus',
  };
  test.each([
    [null, [], 'unknown'],
    [sample, [], 'good'],
    [{ ...sample, mos: 3.8 }, [], 'fair'],
    [sample, ['high-jitter'], 'fair'],
    [{ ...sample, mos: 2.5 }, [], 'poor'],
    [{ ...sample, mos: null }, ['no-audio-received'], 'poor'],
  ] as const)('%#: is told in one word', (now, warnings, grade) => {
    expect(verdictOf(now, [...warnings]).grade).toBe(grade);
  });
});
