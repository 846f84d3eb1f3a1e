import { expect, test } from 'vitest';
import { RINGBACK } from '../src/audio/tones';
import { settle } from './fake/clock';
import { sdp } from './fake/media';
import { listen, snapshot, view, World } from './fake/world';

const To = '+351910000002';

test('dialing sends a complete offer and nothing else', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To, From: '+351210000001' } });
  expect(world.socket.last('call.place')).toMatchObject({ to: To, from_number_id: 'num_1', sdp: sdp('actpass') });
  expect(call.status()).toBe('connecting');
  expect(call.direction).toBe('OUTGOING');
  expect(world.peer.sent).toEqual([]);
  expect(world.sound.tones).toEqual([RINGBACK]);
});

test('the answer is applied before the pick-up, and nothing is heard until then', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  const heard = listen(call, 'ringing', 'accept');
  await world.ack('call.place', view('o1', 'outbound'));
  await world.event({ type: 'call.remote_answer', call_id: 'o1', sdp_answer: sdp('actpass') });
  await world.event({ type: 'call.changed', call: view('o1', 'outbound', { state: 'ringing' }) });
  expect(world.peer.remote).toEqual([{ type: 'answer', sdp: sdp('passive') }]);
  expect(call.status()).toBe('ringing');
  expect(world.sound.tones).toEqual([RINGBACK]);
  expect(world.peer.sent).toEqual([]);
  expect(world.peer.receiving.enabled).toBe(false);
  expect(world.sound.streams).toEqual([]);

  await world.event({ type: 'call.changed', call: view('o1', 'outbound', { state: 'connected' }) });
  expect(heard).toEqual(['ringing', 'accept']);
  expect(world.sound.tones).toEqual([]);
  expect(world.peer.sent).toHaveLength(1);
  expect(world.sound.streams).toHaveLength(1);
});

test.each(['active', 'passive'])('a role WhatsApp chose itself (%s) is obeyed', async (role) => {
  const world = await World.registered();
  await world.device.connect({ params: { To } });
  await world.ack('call.place', view('o1', 'outbound'));
  await world.event({ type: 'call.remote_answer', call_id: 'o1', sdp_answer: sdp(role) });
  expect(world.peer.remote).toEqual([{ type: 'answer', sdp: sdp(role) }]);
});

test('events that overtake the reply to the call are not lost', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  await world.event({ type: 'call.changed', call: view('o1', 'outbound', { state: 'ringing' }) });
  await world.event({ type: 'call.remote_answer', call_id: 'o1', sdp_answer: sdp('passive') });
  expect(world.device.calls).toHaveLength(1);
  await world.ack('call.place', view('o1', 'outbound', { state: 'created' }));
  expect(call.status()).toBe('ringing');
  expect(world.peer.remote).toHaveLength(1);
});

test('a second answer is not applied again', async () => {
  const world = await World.registered();
  await world.device.connect({ params: { To } });
  await world.ack('call.place', view('o1', 'outbound'));
  await world.event({ type: 'call.remote_answer', call_id: 'o1', sdp_answer: sdp('passive') });
  await world.event({ type: 'call.remote_answer', call_id: 'o1', sdp_answer: sdp('passive') });
  expect(world.peer.remote).toHaveLength(1);
});

test('a refusal ends the call with the server\u2019s code', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  const heard = listen(call, 'error', 'disconnect');
  await world.refuse('call.place', 'no_permission');
  expect(heard).toEqual(['error', 'disconnect']);
  expect(call.endReason).toBe('no_permission');
  expect(call.error?.message).toBe('no: no_permission');
  expect(world.peer.closed).toBe(true);
  expect(world.device.calls).toEqual([]);
  expect(world.sound.tones).toEqual([]);
});

test('a call that fails later carries the reason of its record', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  await world.ack('call.place', view('o1', 'outbound', { state: 'created' }));
  const error = { code: 'no_permission', message: 'not allowed', remedy: 'ask' };
  const failed = view('o1', 'outbound', { state: 'failed', end_reason: 'no_permission', error });
  await world.event({ type: 'call.ended', call: failed });
  expect(call.endReason).toBe('no_permission');
  expect(call.error).toEqual(error);
});

test('a microphone that is refused stops the call before anything is sent', async () => {
  const world = await World.registered();
  world.media.refusal = 'NotAllowedError';
  await expect(world.device.connect({ params: { To } })).rejects.toMatchObject({ code: 'microphone_denied' });
  expect(world.socket.count('call.place')).toBe(0);
  expect(world.device.calls).toEqual([]);
});

test('without a connection one cannot dial', async () => {
  const world = new World();
  await expect(world.device.connect({ params: { To } })).rejects.toMatchObject({ code: 'not_connected' });
});

test('giving up before the reply hangs up as soon as the call has an id', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  call.disconnect();
  expect(call.status()).toBe('closed');
  expect(world.socket.count('call.hangup')).toBe(0);
  await world.ack('call.place', view('o1', 'outbound'));
  expect(world.socket.last('call.hangup')).toMatchObject({ call_id: 'o1' });
});

test('giving up a call that is refused anyway leaves nothing behind', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  call.disconnect();
  await world.refuse('call.place', 'busy');
  const heard = listen(world.device, 'incoming');
  await world.event({ type: 'call.incoming', call: view('c1', 'inbound'), sdp_offer: 'offer' });
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'caller_gave_up' });
  expect(heard).toEqual(['incoming']);
  expect(world.device.calls).toEqual([]);
});

test('a call whose reply was lost is found again in the snapshot, never dialled twice', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  await world.reconnect();
  const dialing = view('o1', 'outbound', { state: 'ringing' });
  await world.welcome({ snapshot: snapshot({ calls: [{ call: dialing, sdp_answer: sdp('passive') }] }) });
  expect(world.socket.count('call.place')).toBe(0);
  expect(call.id).toBe('o1');
  expect(call.status()).toBe('ringing');
  expect(world.peer.remote).toHaveLength(1);
});

test('a call that was lost before it reached the server says so', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  await world.reconnect();
  await world.welcome();
  expect(call.status()).toBe('closed');
  expect(call.endReason).toBe('connection_lost');
  expect(world.device.calls).toEqual([]);
});

test('a call placed in another tab is shown without sound', async () => {
  const world = await World.registered();
  await world.event({ type: 'call.changed', call: view('o9', 'outbound', { state: 'ringing' }) });
  expect(world.device.calls.map((call) => [call.id, call.soundIs, call.status()])).toEqual([
    ['o9', 'elsewhere', 'ringing'],
  ]);
  expect(world.sound.tones).toEqual([]);
});

test('ringback can be switched off', async () => {
  const world = await World.registered();
  world.device.audio.outgoing(false);
  await world.device.connect({ params: { To } });
  expect(world.sound.tones).toEqual([]);
});

test('levels and quality are told while one talks, and not after', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  await world.ack('call.place', view('o1', 'outbound'));
  await world.event({ type: 'call.changed', call: view('o1', 'outbound', { state: 'connected' }) });
  const heard = listen(call, 'volume', 'sample', 'warning');
  await world.clock.advance(1_000);
  expect(heard.filter((name) => name === 'volume')).toHaveLength(10);
  expect(heard.filter((name) => name === 'sample')).toHaveLength(1);
  await world.clock.advance(3_000);
  expect(heard).toContain('warning');
  const before = heard.length;
  call.disconnect();
  await world.clock.advance(5_000);
  expect(heard).toHaveLength(before);
  await settle();
});
