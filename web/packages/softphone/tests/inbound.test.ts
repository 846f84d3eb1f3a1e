import { expect, test } from 'vitest';
import { CALL_WAITING, RINGTONE } from '../src/audio/tones';
import type { Call } from '../src/call/call';
import { settle } from './fake/clock';
import { sdp } from './fake/media';
import { ana, bea, listen, snapshot, view, World } from './fake/world';

async function ringing(world: World, id = 'c1'): Promise<Call> {
  await world.event({ type: 'call.incoming', call: view(id, 'inbound'), sdp_offer: 'the offer' });
  const call = world.device.calls.find((each) => each.id === id);
  if (call === undefined) throw new Error('it does not ring');
  return call;
}

async function answered(world: World): Promise<Call> {
  const call = await ringing(world);
  void call.accept();
  await settle();
  await world.ack('call.accept', view('c1', 'inbound', { state: 'answering', agent: ana }));
  return call;
}

async function talking(world: World): Promise<Call> {
  const call = await answered(world);
  await world.event({ type: 'call.changed', call: view('c1', 'inbound', { state: 'connected', agent: ana }) });
  return call;
}

test('a ringing call is heard and shown, and nothing is opened for it', async () => {
  const world = await World.registered();
  const heard = listen(world.device, 'incoming');
  const call = await ringing(world);
  expect(heard).toEqual(['incoming']);
  expect(call.status()).toBe('pending');
  expect(call.parameters).toEqual({ CallSid: 'c1', From: '+351910000002', To: '+351210000001', CallerName: 'Rui' });
  expect(world.sound.tones).toEqual([RINGTONE]);
  expect(world.peers).toHaveLength(0);
  expect(world.media.opened).toHaveLength(0);
});

test('accepting answers the offer as it came, as the DTLS client, with nothing sent yet', async () => {
  const world = await World.registered();
  const call = await answered(world);
  expect(world.peer.remote).toEqual([{ type: 'offer', sdp: 'the offer' }]);
  expect(world.socket.last('call.accept')).toMatchObject({ call_id: 'c1', sdp: sdp('active') });
  expect(call.status()).toBe('connecting');
  expect(world.peer.sent).toEqual([]);
  expect(world.peer.receiving.enabled).toBe(false);
  expect(world.sound.streams).toEqual([]);
  expect(world.sound.tones).toEqual([]);
});

test('with the microphone open the answer is ready before the click, and declining throws it away', async () => {
  const world = await World.registered();
  await world.device.audio.prepare();
  const call = await ringing(world);
  await settle();
  expect(world.peers).toHaveLength(1);
  expect(world.peer.localDescription?.sdp).toContain('a=candidate');
  expect(world.peer.candidates).toEqual([]);
  expect(world.peer.sent).toEqual([]);
  void call.accept();
  await settle();
  expect(world.peers).toHaveLength(1);
  expect(world.socket.last('call.accept')).toMatchObject({ call_id: 'c1', sdp: sdp('active') });

  const other = await ringing(world, 'c2');
  other.reject();
  expect(world.peers).toHaveLength(2);
  expect(world.peer.closed).toBe(true);
});

test('WhatsApp is not looked for before it has our answer', async () => {
  const world = await World.registered();
  await world.event({ type: 'call.incoming', call: view('c1', 'inbound'), sdp_offer: sdp('actpass') });
  const call = world.device.calls[0];
  void call?.accept();
  await settle();
  expect(world.peer.remote[0]?.sdp).not.toContain('a=candidate');
  await world.ack('call.accept', view('c1', 'inbound', { state: 'answering', agent: ana }));
  expect(world.peer.candidates).toEqual([]);
  await world.event({ type: 'call.changed', call: view('c1', 'inbound', { state: 'connected', agent: ana }) });
  expect(world.peer.candidates).toEqual([expect.stringMatching(/^candidate:/)]);
});

test('connected is the moment sound flows, both ways', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  const heard = listen(call, 'accept');
  void call.accept();
  await settle();
  await world.ack('call.accept');
  await world.event({ type: 'call.changed', call: view('c1', 'inbound', { state: 'connected', agent: ana }) });
  expect(heard).toEqual(['accept']);
  expect(call.status()).toBe('open');
  expect(world.peer.sent).toEqual([world.media.opened[0]?.track.clones[0]]);
  expect(world.peer.receiving.enabled).toBe(true);
  expect(world.sound.streams).toEqual([call.getRemoteStream()]);
});

test('a denied microphone is told with a remedy, and the call rings on for another try', async () => {
  const world = await World.registered();
  world.media.refusal = 'NotAllowedError';
  const call = await ringing(world);
  const errors: { code: string; remedy: string | null }[] = [];
  call.on('error', (error) => errors.push(error));
  await call.accept();
  expect(errors).toMatchObject([{ code: 'microphone_denied', remedy: expect.stringContaining('Allow') }]);
  expect(call.status()).toBe('pending');
  expect(world.sound.tones).toEqual([RINGTONE]);
  expect(world.socket.count('call.decline')).toBe(0);

  world.media.refusal = null;
  void call.accept();
  await settle();
  expect(world.socket.count('call.accept')).toBe(1);
});

test.each([
  ['NotFoundError', 'microphone_missing'],
  ['NotReadableError', 'microphone_busy'],
])('%s is told as %s', async (refusal, code) => {
  const world = await World.registered();
  world.media.refusal = refusal;
  const call = await ringing(world);
  const codes: string[] = [];
  call.on('error', (error) => codes.push(error.code));
  await call.accept();
  expect(codes).toEqual([code]);
});

test('an offer the browser cannot take leaves the call ringing', async () => {
  const world = await World.registered();
  world.preparePeer = (peer) => (peer.refusesRemote = true);
  const call = await ringing(world);
  const codes: string[] = [];
  call.on('error', (error) => codes.push(error.code));
  await call.accept();
  expect(codes).toEqual(['negotiation_failed']);
  expect(call.status()).toBe('pending');
  expect(world.peer.closed).toBe(true);
});

test('a STUN server that never replies delays the answer by two seconds, not for ever', async () => {
  const world = await World.registered();
  world.preparePeer = (peer) => (peer.gathersForever = true);
  const call = await ringing(world);
  void call.accept();
  await world.clock.advance(1_999);
  expect(world.socket.count('call.accept')).toBe(0);
  await world.clock.advance(1);
  expect(world.socket.count('call.accept')).toBe(1);
});

test('declining tells the server and stops the ringing here', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  const heard = listen(call, 'reject', 'cancel', 'disconnect');
  call.reject();
  expect(world.socket.last('call.decline')).toMatchObject({ call_id: 'c1' });
  expect(heard).toEqual(['reject']);
  expect(world.device.calls).toEqual([]);
  expect(world.sound.tones).toEqual([]);
});

test('ignoring only stops the sound', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  call.ignore();
  expect(world.sound.tones).toEqual([]);
  expect(call.status()).toBe('pending');
  expect(world.socket.count('call.decline')).toBe(0);
});

test('when another agent takes it, one learns who', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  const heard = listen(call, 'cancel');
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'answered_elsewhere', by: bea });
  expect(heard).toEqual(['cancel']);
  expect(call.answeredBy).toEqual(bea);
  expect(call.endReason).toBe('answered_elsewhere');
  expect(world.device.calls).toEqual([]);
});

test('the loser of a race learns who won, whichever message comes first', async () => {
  for (const refusalFirst of [true, false]) {
    const world = await World.registered();
    const call = await ringing(world);
    const heard = listen(call, 'cancel', 'disconnect');
    void call.accept();
    await settle();
    const silence = () => world.event({ type: 'call.silenced', call_id: 'c1', reason: 'answered_elsewhere', by: bea });
    if (refusalFirst) await world.refuse('call.accept', 'answered_elsewhere');
    await silence();
    if (!refusalFirst) await world.refuse('call.accept', 'answered_elsewhere');
    expect(heard).toEqual(['cancel']);
    expect(call.answeredBy).toEqual(bea);
    expect(world.peer.closed).toBe(true);
    expect(world.device.calls).toEqual([]);
  }
});

test('the tab that takes a call is not silenced by its own success', async () => {
  const world = await World.registered();
  const call = await answered(world);
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'answered_elsewhere', by: ana });
  await world.event({ type: 'call.changed', call: view('c1', 'inbound', { state: 'connected', agent: ana }) });
  expect(call.status()).toBe('open');
});

test('the other tab of the agent stops ringing and does not send a second answer', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  const heard = listen(call, 'cancel');
  await world.event({ type: 'call.changed', call: view('c1', 'inbound', { state: 'answering', agent: ana }) });
  expect(heard).toEqual(['cancel']);
  expect(world.sound.tones).toEqual([]);
});

test('a caller who gives up while the microphone is asked for leaves nothing open', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  void call.accept();
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'caller_gave_up' });
  expect(call.status()).toBe('closed');
  expect(world.socket.count('call.accept')).toBe(0);
  expect(world.peers.every(({ closed }) => closed)).toBe(true);
  expect(world.media.opened[0]?.track.clones.every(({ readyState }) => readyState === 'ended')).toBe(true);
});

test('a call that comes round again rings again', async () => {
  const world = await World.registered();
  await ringing(world);
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'no_answer' });
  const again = await ringing(world);
  expect(again.status()).toBe('pending');
});

test('a call that is over does not ring again', async () => {
  const world = await World.registered();
  await ringing(world);
  await world.event({ type: 'call.ended', call: view('c1', 'inbound', { state: 'missed' }) });
  await world.event({ type: 'call.incoming', call: view('c1', 'inbound'), sdp_offer: 'the offer' });
  expect(world.device.calls).toEqual([]);
});

test('several calls ring as a list, and while one talks the others ring softly', async () => {
  const world = await World.registered();
  await talking(world);
  await ringing(world, 'c2');
  expect(world.device.calls.map((call) => [call.id, call.status()])).toEqual([
    ['c1', 'open'],
    ['c2', 'pending'],
  ]);
  expect(world.sound.tones).toEqual([CALL_WAITING]);
});

test('mute silences this call and survives a change of microphone', async () => {
  const world = await World.registered();
  const call = await talking(world);
  call.mute();
  expect(call.isMuted()).toBe(true);
  expect(world.media.opened[0]?.track.clones[0]?.enabled).toBe(false);
  await world.device.audio.setInputDevice('headset');
  await settle();
  const second = world.media.opened[1];
  expect(second).toMatchObject({ deviceId: 'headset' });
  expect(world.peer.sent.at(-1)).toBe(second?.track.clones[0]);
  expect(second?.track.clones[0]?.enabled).toBe(false);
  call.mute(false);
  expect(second?.track.clones[0]?.enabled).toBe(true);
});

test('muting before the call is open holds when it opens', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  call.mute();
  void call.accept();
  await settle();
  await world.ack('call.accept');
  await world.event({ type: 'call.changed', call: view('c1', 'inbound', { state: 'connected', agent: ana }) });
  expect(world.media.opened[0]?.track.clones[0]?.enabled).toBe(false);
});

test('hanging up stops the sound at once and keeps the reason the server gives later', async () => {
  const world = await World.registered();
  const call = await talking(world);
  await world.clock.advance(65_000);
  const heard = listen(call, 'disconnect');
  call.disconnect();
  expect(heard).toEqual(['disconnect']);
  expect(world.socket.last('call.hangup')).toMatchObject({ call_id: 'c1' });
  expect(world.peer.closed).toBe(true);
  expect(world.sound.streams).toEqual([]);
  await world.ack('call.hangup');
  const ended = view('c1', 'inbound', { state: 'completed', agent: ana, end_reason: 'local_hangup' });
  await world.event({ type: 'call.ended', call: ended });
  await world.clock.advance(5_000);
  expect(call.endReason).toBe('local_hangup');
  expect(call.talkedMs).toBe(65_000);
});

test('the other side hanging up ends the call with its reason', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const ended = view('c1', 'inbound', { state: 'completed', agent: ana, end_reason: 'remote_hangup' });
  await world.event({ type: 'call.ended', call: ended });
  expect(call.status()).toBe('closed');
  expect(call.endReason).toBe('remote_hangup');
  expect(world.peer.closed).toBe(true);
});

test('an interruption of the sound is told and healed', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const heard = listen(call, 'reconnecting', 'reconnected');
  world.peer.become('disconnected');
  expect(call.status()).toBe('reconnecting');
  world.peer.become('connected');
  expect(call.status()).toBe('open');
  expect(heard).toEqual(['reconnecting', 'reconnected']);
});

test('a sound path that is lost for good ends the call, because it cannot be repaired', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const codes: string[] = [];
  call.on('error', (error) => codes.push(error.code));
  world.peer.become('failed');
  expect(codes).toEqual(['media_failed']);
  expect(call.endReason).toBe('media_failed');
  expect(world.socket.count('call.hangup')).toBe(1);
});

test('a late word about the past does not reopen a call', async () => {
  const world = await World.registered();
  const call = await talking(world);
  await world.event({ type: 'call.changed', call: view('c1', 'inbound', { state: 'answering', agent: ana }) });
  expect(call.status()).toBe('open');
  expect(call.view?.state).toBe('connected');
});

test('ringing calls of the snapshot ring after a reload', async () => {
  const ring = { call: view('c1', 'inbound'), sdp_offer: 'the offer' };
  const world = await World.registered(snapshot({ ringing: [ring] }));
  expect(world.device.calls[0]?.status()).toBe('pending');
  expect(world.sound.tones).toEqual([RINGTONE]);
});

test('a call whose sound died with the page can still be hung up', async () => {
  const call = view('c1', 'inbound', { state: 'connected', agent: ana, answered_at: '2026-11-02T08:59:00Z' });
  const world = await World.registered(snapshot({ calls: [{ call }] }));
  const orphan = world.device.calls[0];
  expect(orphan?.soundIs).toBe('elsewhere');
  expect(orphan?.status()).toBe('open');
  expect(orphan?.talkedMs).toBe(60_000);
  orphan?.disconnect();
  expect(world.socket.last('call.hangup')).toMatchObject({ call_id: 'c1' });
});

test('an answer that was lost with the connection is sent again when it still rings', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  void call.accept();
  await settle();
  await world.reconnect();
  await world.welcome({ snapshot: snapshot({ ringing: [{ call: view('c1', 'inbound'), sdp_offer: 'the offer' }] }) });
  expect(world.socket.last('call.accept')).toMatchObject({ call_id: 'c1', sdp: sdp('active') });
  expect(call.status()).toBe('connecting');
});

test('an answer that was heard although the reply was lost goes on', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  void call.accept();
  await settle();
  await world.reconnect();
  const connected = view('c1', 'inbound', { state: 'connected', agent: ana });
  await world.welcome({ snapshot: snapshot({ calls: [{ call: connected }] }) });
  expect(world.socket.count('call.accept')).toBe(0);
  expect(call.status()).toBe('open');
  expect(world.peer.sent).toHaveLength(1);
});

test('a call goes on while the server is away, and a hang-up reaches it later', async () => {
  const world = await World.registered();
  const call = await talking(world);
  world.socket.drop();
  expect(call.status()).toBe('open');
  call.disconnect();
  await world.clock.advance(1_000);
  const connected = view('c1', 'inbound', { state: 'connected', agent: ana });
  await world.welcome({ snapshot: snapshot({ calls: [{ call: connected }] }) });
  expect(world.socket.last('call.hangup')).toMatchObject({ call_id: 'c1' });
  expect(world.device.calls).toEqual([]);
});

test('calls the server has forgotten while it was away are over', async () => {
  const world = await World.registered();
  const open = await talking(world);
  const ring = await ringing(world, 'c2');
  await world.reconnect();
  await world.welcome();
  expect([open.endReason, ring.endReason]).toEqual(['vanished', 'vanished']);
  expect(world.device.calls).toEqual([]);
});

test('when resumed, calls missing from the snapshot wait for the event that tells why', async () => {
  const world = await World.registered();
  const call = await talking(world);
  await world.reconnect();
  await world.welcome({ resumed: true });
  expect(call.status()).toBe('open');
  const ended = view('c1', 'inbound', { state: 'completed', agent: ana, end_reason: 'remote_hangup' });
  await world.event({ type: 'call.ended', call: ended });
  expect(call.endReason).toBe('remote_hangup');
});
