import { expect, test } from 'vitest';
import { RINGBACK } from '../src/audio/tones';
import type { Call } from '../src/call/call';
import type { CallView } from '../src/protocol';
import { settle } from './fake/clock';
import { sdp } from './fake/media';
import { ana, bea, listen, snapshot, view, World } from './fake/world';

const To = '+351910000002';
const ANSWER = sdp('passive');
const NUMBER = { id: 'num_1', phone: '+351210000001' };

function bridged(more: Partial<CallView> = {}): CallView {
  return view('c1', 'inbound', { media: 'bridge', ...more });
}

function live(more: Partial<CallView> = {}): CallView {
  return bridged({ state: 'connected', agent: ana, answered_at: '2026-11-02T08:59:00Z', ...more });
}

async function ringing(world: World): Promise<Call> {
  await world.event({ type: 'call.incoming', call: bridged() });
  return only(world);
}

function only(world: World): Call {
  const [call] = world.device.calls;
  if (call === undefined) throw new Error('there is no call');
  return call;
}

async function talking(world: World): Promise<Call> {
  const call = await ringing(world);
  void call.accept();
  await settle();
  await world.ack('call.accept', bridged({ state: 'answering', agent: ana }), ANSWER);
  await world.event({ type: 'call.changed', call: live() });
  world.peer.become('connected');
  return call;
}

/** The page was reloaded during the call. */
async function reloaded(more: Partial<CallView> = {}): Promise<{ world: World; call: Call }> {
  const world = await World.registered(snapshot({ calls: [{ call: live(more) }] }));
  return { world, call: only(world) };
}

/** The leg in use cannot be helped: what follows is a new one. */
async function noNewPath(world: World): Promise<void> {
  await settle();
  await world.refuse('call.restart', 'not_attached');
}

function codes(call: Call): string[] {
  const heard: string[] = [];
  call.on('error', (error) => heard.push(error.code));
  return heard;
}

function openTracks(world: World): number {
  const clones = world.media.opened.flatMap(({ track }) => track.clones);
  return clones.filter(({ readyState }) => readyState === 'live').length;
}

test('accepting sends an offer of the page’s own and takes the answer of the reply', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  void call.accept();
  await settle();
  expect(world.socket.last('call.accept')).toMatchObject({ call_id: 'c1', sdp: sdp('actpass') });
  await world.ack('call.accept', bridged({ state: 'answering', agent: ana }), ANSWER);
  expect(world.peer.remote).toEqual([{ type: 'answer', sdp: ANSWER }]);
  expect(call.status()).toBe('connecting');
  expect(world.peer.sent).toEqual([]);
  expect(world.peer.receiving.enabled).toBe(false);

  const heard = listen(call, 'accept');
  await world.event({ type: 'call.changed', call: live() });
  expect(heard).toEqual(['accept']);
  expect(world.peer.sent).toHaveLength(1);
  expect(world.sound.streams).toEqual([call.getRemoteStream()]);
});

test('what the server sends before the pick-up is played unheard, so that nothing of it is late after it', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  expect(world.sound.streams).toEqual([]);
  await world.ack('call.place', view('o1', 'outbound', { media: 'bridge' }), ANSWER);
  expect(world.sound.streams).toEqual([call.getRemoteStream()]);
  expect(world.peer.receiving.enabled).toBe(false);
  await world.event({ type: 'call.changed', call: view('o1', 'outbound', { media: 'bridge', state: 'connected' }) });
  expect(world.peer.receiving.enabled).toBe(true);
  expect(world.sound.streams).toHaveLength(1);
  call.disconnect();
  expect(world.sound.streams).toEqual([]);
});

test('with the microphone open the offer is ready before the click', async () => {
  const world = await World.registered();
  await world.device.audio.prepare();
  const call = await ringing(world);
  await settle();
  expect(world.peer.localDescription?.sdp).toContain('a=candidate');
  void call.accept();
  await settle();
  expect(world.peers).toHaveLength(1);
  expect(world.socket.last('call.accept')).toMatchObject({ sdp: sdp('actpass') });
});

test('dialling takes the answer of the reply and waits for the pick-up', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  await world.ack('call.place', view('o1', 'outbound', { media: 'bridge' }), ANSWER);
  expect(world.peer.remote).toEqual([{ type: 'answer', sdp: ANSWER }]);
  await world.event({ type: 'call.changed', call: view('o1', 'outbound', { media: 'bridge', state: 'ringing' }) });
  expect(world.sound.tones).toEqual([RINGBACK]);
  expect(world.peer.sent).toEqual([]);
  await world.event({ type: 'call.changed', call: view('o1', 'outbound', { media: 'bridge', state: 'connected' }) });
  expect(call.status()).toBe('open');
  expect(world.peer.sent).toHaveLength(1);
});

test('an accept whose reply was lost is brought home by attaching', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  void call.accept();
  await settle();
  await world.reconnect();
  await world.welcome({ snapshot: snapshot({ calls: [{ call: live() }] }) });
  expect(world.socket.count('call.accept')).toBe(0);
  await world.ack('call.attach', live(), ANSWER);
  world.peer.become('connected');
  expect(world.peer.remote).toHaveLength(1);
  expect(world.peer.sent).toHaveLength(1);
  expect(call.status()).toBe('open');
});

test('an accept that never arrived is sent again, and answered', async () => {
  const world = await World.registered();
  const call = await ringing(world);
  void call.accept();
  await settle();
  await world.reconnect();
  await world.welcome({ snapshot: snapshot({ ringing: [{ call: bridged() }] }) });
  await world.ack('call.accept', bridged({ state: 'answering', agent: ana }), ANSWER);
  expect(world.peer.remote).toHaveLength(1);
  expect(call.status()).toBe('connecting');
});

test('a placed call whose reply was lost is brought home by attaching, not dialled twice', async () => {
  const world = await World.registered();
  const call = await world.device.connect({ params: { To } });
  await world.reconnect();
  const ring = view('o1', 'outbound', { media: 'bridge', state: 'ringing' });
  await world.welcome({ snapshot: snapshot({ calls: [{ call: ring }] }) });
  await world.ack('call.attach', ring, ANSWER);
  expect(world.socket.count('call.place')).toBe(0);
  expect(call.status()).toBe('ringing');
  expect(world.peer.sent).toEqual([]);
  await world.event({ type: 'call.changed', call: { ...ring, state: 'connected' } });
  expect(world.peer.sent).toHaveLength(1);
});

test('a call that was taken, but without sound, is kept and can be attached to', async () => {
  for (const eventFirst of [true, false]) {
    const world = await World.registered();
    const call = await ringing(world);
    const errors = codes(call);
    void call.accept();
    await settle();
    const claimed = () => world.event({ type: 'call.changed', call: bridged({ state: 'answering', agent: ana }) });
    if (eventFirst) await claimed();
    await world.refuse('call.accept', 'no_media_capacity');
    if (!eventFirst) await claimed();
    expect(errors).toEqual(['no_media_capacity']);
    expect(only(world)).toMatchObject({ soundIs: 'elsewhere', canAttach: true });
    expect(openTracks(world)).toBe(0);
  }
});

test('after a reload the sound is brought back when asked for, with the time of the first answer', async () => {
  const { world, call } = await reloaded();
  expect(call).toMatchObject({ soundIs: 'elsewhere', canAttach: true, talkedMs: 60_000 });
  expect(world.socket.count('call.attach')).toBe(0);
  const heard = listen(call, 'reconnecting', 'reconnected', 'accept');
  call.attach();
  await settle();
  expect(call.canAttach).toBe(false);
  expect(world.socket.last('call.attach')).toMatchObject({ call_id: 'c1', sdp: sdp('actpass') });
  await world.ack('call.attach', live(), ANSWER);
  expect(call.soundIs).toBe('here');
  world.peer.become('connected');
  expect(call.status()).toBe('open');
  expect(heard).toEqual(['reconnecting', 'reconnected']);
  expect(world.peer.sent).toHaveLength(1);
  expect(world.sound.streams).toEqual([call.getRemoteStream()]);
  expect(call.talkedMs).toBe(60_000);
  expect(world.socket.count('call.hangup')).toBe(0);
});

test('muting before attaching holds when the sound is back', async () => {
  const { world, call } = await reloaded();
  call.mute();
  call.attach();
  await settle();
  await world.ack('call.attach', live(), ANSWER);
  expect(world.media.opened[0]?.track.clones[0]?.enabled).toBe(false);
});

test('a relayed call whose sound died with the page cannot be attached to', async () => {
  const { world, call } = await reloaded({ media: 'relay' });
  expect(call.canAttach).toBe(false);
  call.attach();
  await settle();
  expect(world.socket.count('call.attach')).toBe(0);
});

test('a refused microphone is told, and attaching can be tried again', async () => {
  const { world, call } = await reloaded();
  const errors = codes(call);
  world.media.refusal = 'NotAllowedError';
  call.attach();
  await settle();
  expect(errors).toEqual(['microphone_denied']);
  expect(call).toMatchObject({ soundIs: 'elsewhere', canAttach: true });
  expect(call.status()).toBe('open');
  world.media.refusal = null;
  call.attach();
  await settle();
  expect(world.socket.count('call.attach')).toBe(1);
});

test('a path that broke is replaced by another of the same leg, which nobody notices for long', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const heard = listen(call, 'reconnecting', 'reconnected');
  world.peer.become('disconnected');
  await settle();
  expect(world.peer.restarts).toBe(1);
  expect(world.socket.last('call.restart')).toMatchObject({ call_id: 'c1', sdp: sdp('actpass') });
  await world.ack('call.restart', live(), ANSWER);
  expect(world.peer.remote).toHaveLength(2);
  world.peer.become('connected');
  expect(call.status()).toBe('open');
  await world.clock.advance(60_000);
  expect(heard).toEqual(['reconnecting', 'reconnected']);
  expect(world.socket.count('call.attach')).toBe(0);
  expect(world.peers).toHaveLength(1);
  expect(world.peer.closed).toBe(false);
  expect(openTracks(world)).toBe(1);
});

test('a wobble that heals by itself needs no new leg either', async () => {
  const world = await World.registered();
  await talking(world);
  world.peer.become('disconnected');
  await world.clock.advance(1_999);
  world.peer.become('connected');
  await world.clock.advance(10_000);
  expect(world.socket.count('call.attach')).toBe(0);
  expect(world.peers).toHaveLength(1);
});

test('another network is met with another path, and nothing is said while the sound goes on', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const heard = listen(call, 'reconnecting', 'reconnected');
  world.online();
  world.online();
  await settle();
  expect(world.socket.count('call.restart')).toBe(1);
  await world.ack('call.restart', live(), ANSWER);
  await world.clock.advance(30_000);
  expect(heard).toEqual([]);
  expect(world.socket.count('call.attach')).toBe(0);
  // A refusal of what nobody needed changes nothing.
  world.online();
  await noNewPath(world);
  await world.clock.advance(30_000);
  expect(heard).toEqual([]);
  expect(world.peers).toHaveLength(1);
});

test('a new path that does not help in two seconds is followed by a new leg', async () => {
  const world = await World.registered();
  await talking(world);
  world.peer.become('disconnected');
  await settle();
  await world.ack('call.restart', live(), ANSWER);
  await world.clock.advance(1_999);
  expect(world.socket.count('call.attach')).toBe(0);
  await world.clock.advance(1);
  expect(world.socket.count('call.attach')).toBe(1);
});

test('a path that breaks again at once is not replaced by a third of the kind', async () => {
  const world = await World.registered();
  await talking(world);
  world.peer.become('disconnected');
  await settle();
  await world.ack('call.restart', live(), ANSWER);
  world.peer.become('connected');
  await world.clock.advance(5_000);
  world.peer.become('disconnected');
  await settle();
  expect(world.socket.count('call.restart')).toBe(1);
  expect(world.socket.count('call.attach')).toBe(1);
});

test('a second without a packet is a broken path, however the browser sees it', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const heard = listen(call, 'reconnecting', 'reconnected');
  const count = (packetsReceived: number) => (world.peer.entries = [{ type: 'inbound-rtp', packetsReceived }]);
  count(50);
  await world.clock.advance(1_000);
  expect(heard).toEqual([]);
  await world.clock.advance(1_000);
  expect(heard).toEqual(['reconnecting']);
  expect(world.socket.count('call.restart')).toBe(1);
  await world.ack('call.restart', live(), ANSWER);
  count(100);
  await world.clock.advance(1_000);
  expect(heard).toEqual(['reconnecting', 'reconnected']);
  expect(world.socket.count('call.attach')).toBe(0);
});

test('a new path without a packet is no help, and a new leg follows', async () => {
  const world = await World.registered();
  await talking(world);
  world.peer.entries = [{ type: 'inbound-rtp', packetsReceived: 50 }];
  await world.clock.advance(2_000);
  await world.ack('call.restart', live(), ANSWER);
  await world.clock.advance(2_000);
  expect(world.socket.count('call.attach')).toBe(1);
});

test('an offer leaves at once, and its candidates follow the reply to it', async () => {
  const world = await World.registered(snapshot({ numbers: [{ ...NUMBER, media: 'bridge' }] }));
  world.preparePeer = (peer) => (peer.gathersForever = true);
  const first = 'candidate:1 1 udp 1 192.0.2.7 5000 typ host';
  const second = 'candidate:2 1 udp 1 192.0.2.8 5000 typ srflx raddr 0.0.0.0 rport 0';
  await world.device.connect({ params: { To } });
  expect(world.socket.count('call.place')).toBe(1);
  world.peer.find(first);
  expect(world.socket.count('call.candidate')).toBe(0);
  await world.ack('call.place', view('o1', 'outbound', { media: 'bridge' }), ANSWER);
  expect(world.socket.last('call.candidate')).toMatchObject({ call_id: 'o1', candidate: first });
  world.peer.find(second);
  expect(world.socket.last('call.candidate')).toMatchObject({ candidate: second });
  world.peer.find(null);
  expect(world.socket.last('call.candidate')).toMatchObject({ candidate: '' });
  expect(world.socket.count('call.candidate')).toBe(3);
});

test('what was found while it rang leaves with the offer', async () => {
  const world = await World.registered();
  world.preparePeer = (peer) => (peer.gathersForever = true);
  await world.device.audio.prepare();
  const call = await ringing(world);
  await settle();
  const found = 'candidate:3 1 udp 1 192.0.2.9 5000 typ host';
  world.peer.find(found);
  void call.accept();
  await settle();
  expect(world.socket.last('call.accept').sdp).toContain(found);
  await world.ack('call.accept', bridged({ state: 'answering', agent: ana }), ANSWER);
  expect(world.socket.count('call.candidate')).toBe(0);
});

test('a number that is relayed since gets the whole offer after all', async () => {
  const world = await World.registered(snapshot({ numbers: [{ ...NUMBER, media: 'bridge' }] }));
  world.preparePeer = (peer) => (peer.gathersForever = true);
  const call = await world.device.connect({ params: { To } });
  await world.refuse('call.place', 'invalid_sdp');
  expect(world.socket.count('call.place')).toBe(1);
  await world.clock.advance(2_000);
  expect(world.socket.count('call.place')).toBe(2);
  await world.ack('call.place', view('o1', 'outbound'));
  expect(call.status()).toBe('connecting');
});

test('sound that is lost is brought back over a new path, and the call goes on', async () => {
  const world = await World.registered();
  const call = await talking(world);
  call.mute();
  const heard = listen(call, 'reconnecting', 'reconnected', 'disconnect', 'accept');
  const [first] = world.peers;
  first?.become('disconnected');
  expect(call.status()).toBe('reconnecting');
  await noNewPath(world);
  expect(first?.closed).toBe(false);
  await world.ack('call.attach', live(), ANSWER);
  expect(first?.closed).toBe(true);
  world.peer.become('connected');
  expect(heard).toEqual(['reconnecting', 'reconnected']);
  expect(call.status()).toBe('open');
  expect(call.isMuted()).toBe(true);
  expect(world.peer.sent).toEqual([world.media.opened[0]?.track.clones[1]]);
  expect(world.media.opened[0]?.track.clones[1]?.enabled).toBe(false);
  expect(openTracks(world)).toBe(1);
  expect(world.sound.streams).toEqual([call.getRemoteStream()]);
  expect(world.socket.count('call.hangup')).toBe(0);
});

test('a failed path is not waited for', async () => {
  const world = await World.registered();
  await talking(world);
  world.peer.become('failed');
  await noNewPath(world);
  expect(world.socket.count('call.attach')).toBe(1);
});

test('it is tried a few times with growing waits, then the person is asked, and the call lives', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const errors = codes(call);
  const at = world.clock.now();
  const asked: number[] = [];
  world.peer.become('failed');
  await noNewPath(world);
  while (call.soundIs === 'here' && asked.length < 10) {
    asked.push(world.clock.now() - at);
    const before = world.socket.count('call.attach');
    await world.ack('call.attach', live(), ANSWER);
    while (call.soundIs === 'here' && world.socket.count('call.attach') === before) await world.clock.advance(100);
  }
  expect(asked).toEqual([0, 6_500, 13_500, 21_500, 31_500]);
  expect(world.clock.now() - at).toBeLessThan(45_000);
  expect(errors).toEqual(['sound_lost']);
  expect(call).toMatchObject({ soundIs: 'elsewhere', canAttach: true, endReason: null });
  expect(call.status()).toBe('open');
  expect(world.socket.count('call.hangup')).toBe(0);
  expect(openTracks(world)).toBe(0);
});

test('while the server is away nothing is tried, and at its welcome at once', async () => {
  const world = await World.registered();
  const call = await talking(world);
  world.socket.drop();
  world.peer.become('failed');
  await settle();
  expect(call.status()).toBe('reconnecting');
  await world.clock.advance(1_000);
  await world.welcome({ snapshot: snapshot({ calls: [{ call: live() }] }) });
  expect(world.socket.count('call.attach')).toBe(0);
  await noNewPath(world);
  await world.ack('call.attach', live(), ANSWER);
  world.peer.become('connected');
  expect(call.status()).toBe('open');
  expect(openTracks(world)).toBe(1);
});

test('lost sound makes the page look whether the server is still there', async () => {
  const world = await World.registered();
  await talking(world);
  world.socket.answersPings = false;
  world.peer.become('disconnected');
  expect(world.socket.count('ping')).toBe(1);
  await world.clock.advance(3_000);
  expect(world.socket.closedWith).toBe(4408);
});

test('a page that another one replaced lets the sound go and does not pull it back', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const errors = codes(call);
  world.peer.transport.endRemotely();
  await world.clock.advance(1_000);
  expect(call).toMatchObject({ soundIs: 'elsewhere', canAttach: true });
  expect(call.status()).toBe('open');
  await world.clock.advance(60_000);
  expect(world.socket.count('call.attach')).toBe(0);
  expect(errors).toEqual([]);
  expect(openTracks(world)).toBe(0);
  expect(world.sound.streams).toEqual([]);
});

test('sound that is lost again at once is not pulled back twice', async () => {
  const world = await World.registered();
  const call = await talking(world);
  world.peer.become('failed');
  await noNewPath(world);
  await world.ack('call.attach', live(), ANSWER);
  world.peer.become('connected');
  await world.clock.advance(5_000);
  world.peer.become('failed');
  await settle();
  expect(world.socket.count('call.attach')).toBe(1);
  expect(call.soundIs).toBe('elsewhere');
});

test('the goodbye of a call that ends is no news of another page', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const where: string[] = [];
  call.on('changed', () => where.push(call.soundIs));
  world.peer.transport.endRemotely();
  await world.clock.advance(300);
  await world.event({ type: 'call.ended', call: live({ state: 'completed', end_reason: 'remote_hangup' }) });
  await world.clock.advance(5_000);
  expect(where).not.toContain('elsewhere');
  expect(call.endReason).toBe('remote_hangup');
});

test('a call that ends while the sound is brought back leaves nothing open', async () => {
  const world = await World.registered();
  const call = await talking(world);
  world.peer.become('failed');
  await noNewPath(world);
  await world.event({ type: 'call.ended', call: live({ state: 'completed', end_reason: 'agent_lost' }) });
  await world.refuse('call.attach', 'call_ended');
  await world.clock.advance(60_000);
  expect(call.endReason).toBe('agent_lost');
  expect(world.peers.every(({ closed }) => closed)).toBe(true);
  expect(openTracks(world)).toBe(0);
  expect(world.socket.count('call.attach')).toBe(1);
});

test('a description the server refuses does not end the call', async () => {
  const world = await World.registered();
  world.preparePeer = (peer) => (peer.refusesRemote = world.peers.length === 0);
  const call = await ringing(world);
  void call.accept();
  await settle();
  await world.ack('call.accept', bridged({ state: 'answering', agent: ana }), ANSWER);
  await world.ack('call.attach', bridged({ state: 'answering', agent: ana }), ANSWER);
  await world.event({ type: 'call.changed', call: live() });
  expect(call.status()).toBe('open');
  expect(world.peer.sent).toHaveLength(1);
  expect(world.socket.count('call.hangup')).toBe(0);
});

test('a call taken in another window is shown here and can be brought here', async () => {
  for (const silenceFirst of [true, false]) {
    const world = await World.registered();
    await ringing(world);
    const silence = () => world.event({ type: 'call.silenced', call_id: 'c1', reason: 'answered_elsewhere', by: ana });
    if (silenceFirst) await silence();
    await world.event({ type: 'call.changed', call: bridged({ state: 'answering', agent: ana }) });
    if (!silenceFirst) await silence();
    await world.event({ type: 'call.changed', call: live() });
    expect(only(world)).toMatchObject({ soundIs: 'elsewhere', canAttach: true });
    expect(world.sound.tones).toEqual([]);
  }
});

test('a call somebody else took is not', async () => {
  const world = await World.registered();
  await ringing(world);
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'answered_elsewhere', by: bea });
  expect(world.device.calls).toEqual([]);
});

test('hold and resume are asked of the server and told when it says so', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const told: boolean[] = [];
  call.on('hold', (held) => told.push(held));
  expect(call.canHold).toBe(true);
  void call.hold();
  void call.hold();
  await settle();
  expect(world.socket.count('call.hold')).toBe(1);
  expect(world.socket.last('call.hold')).toMatchObject({ call_id: 'c1' });
  expect(call.isHeld()).toBe(false);
  await world.ack('call.hold', live({ held: true }));
  expect(call.isHeld()).toBe(true);
  expect(world.media.opened[0]?.track.clones[0]?.enabled).toBe(true);
  void call.hold(false);
  await settle();
  await world.ack('call.resume', live());
  expect(told).toEqual([true, false]);
});

test('a hold from another window is shown here', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const heard = listen(call, 'hold', 'changed');
  await world.event({ type: 'call.changed', call: live({ held: true }) });
  expect(call.isHeld()).toBe(true);
  expect(heard).toEqual(['hold', 'changed']);
});

test('a refused hold is told, and leaves things as they were', async () => {
  const world = await World.registered();
  const call = await talking(world);
  const errors = codes(call);
  void call.hold();
  await settle();
  await world.refuse('call.hold', 'not_talking');
  expect(errors).toEqual(['not_talking']);
  expect(call.isHeld()).toBe(false);
});

test('a relayed call cannot be held', async () => {
  const { world, call } = await reloaded({ media: 'relay' });
  expect(call.canHold).toBe(false);
  await call.hold();
  expect(world.socket.count('call.hold')).toBe(0);
});

test('a page that goes away does not hang up', async () => {
  const world = await World.registered();
  await talking(world);
  const { socket } = world;
  world.device.destroy();
  expect(socket.count('call.hangup')).toBe(0);
});
