import { expect, test } from 'vitest';
import { checkLocal, settleLocalAnswer, settleRemoteAnswer } from '../src/media/sdp';
import { sdp } from './fake/media';

test('an answer that chose no DTLS role makes us the client', () => {
  expect(settleRemoteAnswer(sdp('actpass'))).toBe(sdp('passive'));
});

test.each(['active', 'passive'])('a role that was chosen stays %s', (role) => {
  expect(settleRemoteAnswer(sdp(role))).toBe(sdp(role));
});

test.each(['actpass', 'passive', 'active'])('our answer is always active, also when the browser says %s', (role) => {
  expect(settleLocalAnswer(sdp(role))).toBe(sdp('active'));
});

test('a description WhatsApp can use passes as it is', () => {
  expect(checkLocal(sdp('active'), false)).toBe(sdp('active'));
  const bare = sdp('active').replace(/a=candidate.*\r\n/, '');
  expect(checkLocal(bare, true)).toBe(bare);
});

test.each([
  ['no audio', (text: string) => text.replace('m=audio', 'm=video')],
  ['a second section', (text: string) => `${text}m=video 9 x 1\r\n`],
  ['two SSRCs', (text: string) => `${text}a=ssrc:8 cname:x\r\n`],
  ['no fingerprint', (text: string) => text.replace('a=fingerprint:sha-256 AA\r\n', '')],
  ['a second fingerprint', (text: string) => `${text}a=fingerprint:sha-512 BB\r\n`],
  ['a weaker fingerprint', (text: string) => text.replace('sha-256', 'sha-1')],
  ['one direction', (text: string) => text.replace('sendrecv', 'recvonly')],
  ['no candidate', (text: string) => text.replace(/a=candidate.*\r\n/, '')],
])('a description with %s does not leave', (_name, spoil) => {
  expect(() => checkLocal(spoil(sdp('active')), false)).toThrow(
    expect.objectContaining({ code: 'negotiation_failed' }),
  );
});
