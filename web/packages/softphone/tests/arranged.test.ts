import { expect, test } from 'vitest';
import type { Call } from '../src/call/call';
import type { CallView, TableView } from '../src/protocol';
import { settle } from './fake/clock';
import { sdp } from './fake/media';
import { ana, bea, listen, snapshot, view, World } from './fake/world';

const ANSWER = sdp('passive');
const QUALITY = { mos: 4.2, loss_in: 0, loss_out: 0, jitter_ms: 2, rtt_ms: 30, codec: 'opus', candidate: 'host' };

function table(more: Partial<TableView> = {}): TableView {
  return { parties: [], muted: [], seeking: null, parked_at: null, playing: null, recording: null, ...more };
}

function live(more: Partial<CallView> = {}): CallView {
  const arranged = { media: 'bridge', state: 'connected', agent: ana, table: table() } as const;
  return view('c1', 'inbound', { ...arranged, answered_at: '2026-11-02T08:59:00Z', ...more });
}

const asked = live({ agent: bea, table: table({ seeking: { purpose: 'consult', agent: ana } }) });
const consulted = live({ agent: bea, table: table({ parties: [{ agent: ana, role: 'consulted' }] }) });

function only(world: World): Call {
  const [call, other] = world.device.calls;
  if (call === undefined || other !== undefined) throw new Error('there is not one call');
  return call;
}

async function talking(): Promise<{ world: World; call: Call }> {
  const world = await World.registered();
  await world.event({ type: 'call.incoming', call: view('c1', 'inbound', { media: 'bridge' }) });
  const call = only(world);
  void call.accept();
  await settle();
  await world.ack('call.accept', live(), ANSWER);
  world.peer.become('connected');
  return { world, call };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: { code: string }) => error.code,
  );
}

test('every wish is one command in the protocol’s words', async () => {
  const { world, call } = await talking();
  const to = { agent: bea.id };
  const wishes = [
    [() => call.transfer({ queue: 'default' }), { do: 'transfer', to: { queue: 'default' } }],
    [() => call.consult(to), { do: 'consult', to }],
    [() => call.completeTransfer(), { do: 'complete' }],
    [() => call.cancelTransfer(), { do: 'cancel' }],
    [() => call.invite(to), { do: 'invite', to }],
    [() => call.merge(), { do: 'merge' }],
    [() => call.remove(bea.id), { do: 'remove', agent_id: bea.id }],
    [() => call.muteParty(bea.id), { do: 'mute', agent_id: bea.id, on: true }],
    [() => call.muteParty(bea.id, false), { do: 'mute', agent_id: bea.id, on: false }],
    [() => call.park(), { do: 'park' }],
    [() => call.sendDigits('123#'), { do: 'press', digits: '123#' }],
    [() => call.play('welcome'), { do: 'play', clip: 'welcome' }],
    [() => call.stopPlaying(), { do: 'stop_playing' }],
    [() => call.startRecording(), { do: 'record' }],
    [() => call.pauseRecording(), { do: 'pause_recording' }],
    [() => call.resumeRecording(), { do: 'resume_recording' }],
    [() => call.stopRecording(), { do: 'stop_recording' }],
  ] as const;
  for (const [run, wish] of wishes) {
    const done = run();
    expect(world.socket.last('call.arrange')).toMatchObject({ call_id: 'c1', wish });
    await world.ack('call.arrange', live());
    await done;
  }
});

test('a refused wish rejects with the server’s word and changes nothing', async () => {
  const { world, call } = await talking();
  const refused = refusal(call.consult({ agent: bea.id }));
  await world.refuse('call.arrange', 'not_available');
  expect(await refused).toBe('not_available');
  expect(call.status()).toBe('open');
});

test('what is arranged is told with what it was before', async () => {
  const { world, call } = await talking();
  const told: unknown[] = [];
  call.on('arranged', (now, before) => told.push([now?.recording?.state, before?.recording?.state]));
  const recorded = live({ table: table({ recording: { id: 'rec_1', state: 'recording' } }) });
  await world.event({ type: 'call.changed', call: recorded });
  await world.event({ type: 'call.changed', call: recorded });
  expect(told).toEqual([['recording', undefined]]);
  expect(call.table?.recording).toEqual({ id: 'rec_1', state: 'recording' });
});

test('a call that was transferred is over here, with the reason, and may ring here again', async () => {
  const { world, call } = await talking();
  const heard = listen(call, 'disconnect', 'left', 'cancel');
  const done = call.transfer({ agent: bea.id });
  const gone = live({ agent: null, table: table({ seeking: { purpose: 'handover', agent: bea } }) });
  await world.ack('call.arrange', gone);
  await done;
  world.peer.transport.endRemotely();
  await world.event({ type: 'call.left', call: gone, reason: 'transferred' });
  expect(heard).toEqual(['disconnect', 'left']);
  expect(call).toMatchObject({ leftBecause: 'transferred', endReason: 'transferred' });
  expect(world.peer.closed).toBe(true);
  expect(world.device.calls).toEqual([]);
  expect(world.socket.count('call.hangup')).toBe(0);
  await world.event({ type: 'call.changed', call: live({ agent: bea }) });
  expect(world.device.calls).toEqual([]);

  const back = live({ agent: null, table: table({ seeking: { purpose: 'handover', agent: ana } }) });
  await world.event({ type: 'call.incoming', call: back });
  expect(only(world).status()).toBe('pending');
});

test('somebody who is asked is rung, sees by whom and why, and talks when they answer', async () => {
  const world = await World.registered();
  await world.event({ type: 'call.incoming', call: asked });
  const call = only(world);
  expect(call.invitation).toEqual({ purpose: 'consult', by: bea });
  expect(call.status()).toBe('pending');
  expect(world.sound.tones).toHaveLength(1);
  void call.accept();
  await settle();
  expect(world.socket.last('call.accept')).toMatchObject({ call_id: 'c1', sdp: sdp('actpass') });
  await world.ack('call.accept', consulted, ANSWER);
  expect(call).toMatchObject({ role: 'consulted', canHold: false });
  expect(call.status()).toBe('open');
  expect(world.peer.remote).toEqual([{ type: 'answer', sdp: ANSWER }]);
  expect(world.peer.sent).toHaveLength(1);
});

test('a ring in the middle of a conversation survives a reconnect, and stops when it is called off', async () => {
  const world = await World.registered();
  await world.event({ type: 'call.incoming', call: asked });
  await world.reconnect();
  await world.welcome({ snapshot: snapshot({ ringing: [{ call: asked }] }) });
  expect(only(world).status()).toBe('pending');
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'failed' });
  expect(world.device.calls).toEqual([]);
  await world.event({ type: 'call.incoming', call: asked });
  expect(only(world).status()).toBe('pending');
});

test('a ring that another window answered shows the call there', async () => {
  const world = await World.registered();
  await world.event({ type: 'call.incoming', call: asked });
  await world.event({ type: 'call.changed', call: consulted });
  expect(only(world)).toMatchObject({ soundIs: 'elsewhere', canAttach: true, role: 'consulted' });
});

test('after a reload everybody at the table can bring their sound back', async () => {
  for (const role of ['member', 'consulted', 'listener', 'whisperer', 'barger'] as const) {
    const mine = live({ agent: bea, table: table({ parties: [{ agent: ana, role }] }) });
    const world = await World.registered(snapshot({ calls: [{ call: mine }] }));
    const call = only(world);
    expect(call).toMatchObject({ role, soundIs: 'elsewhere', canAttach: true, canHold: false });
    call.attach();
    await settle();
    await world.ack('call.attach', mine, ANSWER);
    world.peer.become('connected');
    expect(call.soundIs).toBe('here');
  }
});

test('whoever is removed while they talk is told, and the customer stays', async () => {
  const mine = live({ agent: bea, table: table({ parties: [{ agent: ana, role: 'member' }] }) });
  const world = await World.registered(snapshot({ calls: [{ call: mine }] }));
  const reasons: string[] = [];
  only(world).on('left', (reason) => reasons.push(reason));
  await world.event({ type: 'call.left', call: live({ agent: bea }), reason: 'removed' });
  expect(reasons).toEqual(['removed']);
  expect(world.device.calls).toEqual([]);
});

test('a member who hangs up only leaves', async () => {
  const mine = live({ agent: bea, table: table({ parties: [{ agent: ana, role: 'member' }] }) });
  const world = await World.registered(snapshot({ calls: [{ call: mine }] }));
  const call = only(world);
  call.disconnect();
  expect(world.socket.last('call.hangup')).toMatchObject({ call_id: 'c1' });
  await world.event({ type: 'call.left', call: live({ agent: bea }), reason: 'left' });
  expect(call.endReason).toBe('local_hangup');
  await world.event({ type: 'call.incoming', call: asked });
  expect(only(world).status()).toBe('pending');
});

test('an owner leaves a conference with a command of its own', async () => {
  const { world, call } = await talking();
  const done = refusal(call.leave());
  await world.refuse('call.leave', 'last_one');
  expect(await done).toBe('last_one');
  expect(world.socket.last('call.leave')).toMatchObject({ call_id: 'c1' });
});

test('keys the customer presses are told and kept', async () => {
  const { world, call } = await talking();
  const keys: string[] = [];
  call.on('digit', (key) => keys.push(key));
  for (const digit of ['1', '2', '#']) await world.event({ type: 'call.digit', call_id: 'c1', digit });
  expect(keys).toEqual(['1', '2', '#']);
  expect(call.digits).toBe('12#');
});

test('the quality of every leg is told as the server measures it', async () => {
  const { world, call } = await talking();
  const told: (string | null)[] = [];
  call.on('quality', (agentId) => told.push(agentId));
  const quality = { ...QUALITY, first_audio_ms: 80 };
  world.socket.say({ type: 'call.quality', call_id: 'c1', quality });
  world.socket.say({ type: 'call.quality', call_id: 'c1', agent_id: ana.id, quality: { ...quality, mos: 3 } });
  world.socket.say({ type: 'call.quality', call_id: 'unknown', quality });
  expect(told).toEqual([null, ana.id]);
  expect(call.qualityOf()?.mos).toBe(4.2);
  expect(call.qualityOf(ana.id)?.mos).toBe(3);
  expect(call.qualityOf(bea.id)).toBeNull();
});

test('parked calls are a list, from the snapshot on', async () => {
  const parked = (id: string, at: string) => ({ ...live({ agent: null, table: table({ parked_at: at }) }), id });
  const [early, late] = [parked('p1', '2026-11-02T09:00:00Z'), parked('p2', '2026-11-02T09:01:00Z')];
  const world = await World.registered(snapshot({ parked: [late] }));
  const told: string[][] = [];
  world.device.on('parked', (calls) => told.push(calls.map(({ id }) => id)));
  await world.event({ type: 'call.parked', call: early });
  expect(world.device.parked.map(({ id }) => id)).toEqual(['p1', 'p2']);
  await world.event({ type: 'call.parked', call: { ...late, agent: bea, table: table() } });
  expect(told).toEqual([['p1', 'p2'], ['p1']]);
});

test('a parked call is taken with an offer of the page’s own', async () => {
  const world = await World.registered();
  const retrieved = world.device.retrieve('c1');
  await settle();
  expect(only(world).status()).toBe('connecting');
  expect(world.socket.last('call.retrieve')).toMatchObject({ call_id: 'c1', sdp: sdp('actpass') });
  await world.ack('call.retrieve', live(), ANSWER);
  const call = await retrieved;
  expect(call.status()).toBe('open');
  expect(call.role).toBe('owner');
  expect(world.peer.remote).toEqual([{ type: 'answer', sdp: ANSWER }]);
  await world.event({ type: 'call.ended', call: live({ state: 'completed', end_reason: 'remote_hangup' }) });
  expect(call.endReason).toBe('remote_hangup');
});

test('a parked call that somebody else took leaves nothing open', async () => {
  const world = await World.registered();
  const retrieved = refusal(world.device.retrieve('c1'));
  await settle();
  await world.refuse('call.retrieve', 'answered_elsewhere');
  expect(await retrieved).toBe('answered_elsewhere');
  expect(world.device.calls).toEqual([]);
  expect(world.peers.every(({ closed }) => closed)).toBe(true);
});

test('a retrieve whose reply was lost is found in the next snapshot', async () => {
  const world = await World.registered();
  const retrieved = refusal(world.device.retrieve('c1'));
  await settle();
  await world.reconnect();
  expect(await retrieved).toBe('connection_lost');
  await world.welcome({ snapshot: snapshot({ calls: [{ call: live() }] }) });
  expect(only(world)).toMatchObject({ soundIs: 'elsewhere', canAttach: true });
});

test('a supervisor comes with an offer, changes how without one, and takes over', async () => {
  const world = await World.registered();
  const sat = (role: 'listener' | 'barger') => live({ agent: bea, table: table({ parties: [{ agent: ana, role }] }) });
  const coming = world.device.supervise('c1', 'listen');
  await settle();
  expect(world.socket.last('call.supervise')).toMatchObject({ how: 'listen', sdp: sdp('actpass') });
  await world.ack('call.supervise', sat('listener'), ANSWER);
  const call = await coming;
  expect(call.role).toBe('listener');

  const microphones = () => world.media.opened.length;
  expect([microphones(), world.peer.sent]).toEqual([0, []]);
  world.media.refusal = 'NotAllowedError';
  await expect(world.device.supervise('c1', 'whisper')).rejects.toMatchObject({ code: 'microphone_denied' });
  expect(world.socket.count('call.supervise')).toBe(1);
  world.media.refusal = null;

  const barging = world.device.supervise('c1', 'barge');
  await settle();
  expect([microphones(), world.peer.sent.length]).toEqual([1, 1]);
  expect(world.socket.last('call.supervise')).not.toHaveProperty('sdp');
  await world.ack('call.supervise', sat('barger'));
  expect(await barging).toBe(call);
  expect(call.role).toBe('barger');

  const taking = world.device.takeOver('c1');
  await settle();
  await world.ack('call.take_over', live());
  expect(await taking).toBe(call);
  expect(call.role).toBe('owner');
  expect(world.socket.count('call.supervise')).toBe(2);
});

test('taking over from outside comes to the call first', async () => {
  const world = await World.registered();
  const taking = world.device.takeOver('c1');
  await settle();
  expect(world.socket.last('call.supervise')).toMatchObject({ how: 'listen' });
  const listens = live({ agent: bea, table: table({ parties: [{ agent: ana, role: 'listener' }] }) });
  await world.ack('call.supervise', listens, ANSWER);
  await world.ack('call.take_over', live());
  expect((await taking).role).toBe('owner');
});

test('a role that may not supervise is told so', async () => {
  const world = await World.registered();
  const refused = refusal(world.device.supervise('c1', 'listen'));
  await settle();
  await world.refuse('call.supervise', 'forbidden');
  expect(await refused).toBe('forbidden');
});

test('colleagues come with whether they are free, and with what can be supervised', async () => {
  const world = await World.registered();
  const listed = world.device.colleagues();
  const { id } = world.socket.last('colleagues.list');
  world.socket.say({ type: 'colleagues', id, colleagues: [{ agent: bea, free: true }], live: [live({ agent: bea })] });
  expect(await listed).toEqual({ colleagues: [{ agent: bea, free: true }], live: [live({ agent: bea })] });
});
