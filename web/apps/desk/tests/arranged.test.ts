import type { CallView, TableView } from '@offhook/softphone';
import { fireEvent, render, screen, within } from '@testing-library/svelte';
import { createRawSnippet, tick } from 'svelte';
import { beforeEach, expect, test, vi } from 'vitest';
import { settle } from '../../../packages/softphone/tests/fake/clock';
import { sdp } from '../../../packages/softphone/tests/fake/media';
import { ana, bea, snapshot, view, World } from '../../../packages/softphone/tests/fake/world';
import Board from '../src/features/board/Board.svelte';
import Conversation from '../src/features/conversation/Conversation.svelte';
import Ended from '../src/features/conversation/Ended.svelte';
import Incoming from '../src/features/incoming/Incoming.svelte';
import Parked from '../src/features/parked/Parked.svelte';
import Shortcuts from '../src/features/shortcuts/Shortcuts.svelte';
import Trouble from '../src/features/trouble/Trouble.svelte';
import { Phone } from '../src/phone/phone.svelte';

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  vi.restoreAllMocks();
});

const at = (testId: string) => screen.getByTestId(testId);
const absent = (testId: string) => expect(screen.queryByTestId(testId)).toBeNull();

function table(more: Partial<TableView> = {}): TableView {
  return { parties: [], muted: [], seeking: null, parked_at: null, playing: null, recording: null, ...more };
}

function live(more: Partial<CallView> = {}): CallView {
  const answered = { agent: ana, answered_at: '2026-11-02T08:58:55Z', table: table() };
  return view('c1', 'inbound', { media: 'bridge', state: 'connected', ...answered, ...more });
}

async function drawn(): Promise<void> {
  await settle();
  await tick();
}

async function desk(start = snapshot()): Promise<{ world: World; phone: Phone }> {
  const world = new World();
  const phone = new Phone(world.device, () => undefined);
  await settle();
  await world.welcome({ snapshot: start });
  return { world, phone };
}

/** A conversation with its panel, redrawn after whatever the server says of it. */
async function talking(
  first = live(),
): Promise<{ world: World; phone: Phone; becomes(call: CallView): Promise<void> }> {
  const { world, phone } = await desk(snapshot({ calls: [{ call: first }] }));
  const now = () => {
    const [facts] = phone.engaged;
    if (facts === undefined) throw new Error('no call');
    return facts;
  };
  phone.attach(now());
  await settle();
  await world.ack('call.attach', first, sdp('passive'));
  world.peer.become('connected');
  const devices = createRawSnippet(() => ({ render: () => '<i></i>' }));
  const shown = render(Conversation, { phone, facts: now(), devices });
  return {
    world,
    phone,
    async becomes(call) {
      await world.event({ type: 'call.changed', call });
      await drawn();
      await shown.rerender({ facts: now() });
    },
  };
}

async function colleagues(world: World, free = true): Promise<void> {
  await vi.waitFor(() => world.socket.last('colleagues.list'));
  const { id } = world.socket.last('colleagues.list');
  world.socket.say({ type: 'colleagues', id, colleagues: [{ agent: bea, free }], live: [] });
  await drawn();
}

test('a call is transferred to a colleague who is free, with two clicks', async () => {
  const { world } = await talking();
  await fireEvent.click(at('transfer'));
  await colleagues(world);
  const row = within(at('colleague'));
  expect(row.getByText('Free')).toBeTruthy();
  await fireEvent.click(row.getByTestId('transfer-now'));
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'transfer', to: { agent: bea.id } });
  await world.ack('call.arrange', live());
  await drawn();
  absent('panel');
});

test('a colleague who is busy cannot be chosen, the queue can', async () => {
  const { world } = await talking();
  await fireEvent.click(at('transfer'));
  await colleagues(world, false);
  expect(within(at('colleague')).getByTestId<HTMLButtonElement>('transfer-now').disabled).toBe(true);
  await fireEvent.click(within(at('to-queue')).getByTestId('transfer-now'));
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'transfer', to: { queue: 'default' } });
});

test('asking first shows who waits, and can be completed, joined or called off', async () => {
  const { world, becomes } = await talking();
  await fireEvent.click(at('transfer'));
  await colleagues(world);
  await fireEvent.click(within(at('colleague')).getByTestId('ask-first'));
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'consult', to: { agent: bea.id } });
  await becomes(live({ table: table({ seeking: { purpose: 'consult', agent: bea } }) }));
  expect(at('seeking').textContent).toContain('Ringing Bea');
  expect(at('seeking').textContent).toContain('Rui waits with music');
  await becomes(live({ table: table({ parties: [{ agent: bea, role: 'consulted' }] }) }));
  expect(at('consulting').textContent).toContain('Bea is on the line');
  expect(screen.getAllByTestId('party').map((row) => row.textContent)).toContainEqual(
    expect.stringContaining('hears only you'),
  );
  for (const [button, wish] of [
    ['complete', 'complete'],
    ['merge', 'merge'],
    ['back', 'cancel'],
  ] as const) {
    await fireEvent.click(at(button));
    expect(world.socket.last('call.arrange').wish).toEqual({ do: wish });
  }
});

test('in a conference the owner mutes, takes out, leaves, or ends for all', async () => {
  const { world, becomes } = await talking();
  await becomes(live({ table: table({ parties: [{ agent: bea, role: 'member' }] }) }));
  expect(at('hangup').textContent).toContain('End for all');
  await fireEvent.click(at('party-mute'));
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'mute', agent_id: bea.id, on: true });
  await fireEvent.click(at('party-remove'));
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'remove', agent_id: bea.id });
  await fireEvent.click(at('leave'));
  expect(world.socket.last('call.leave')).toMatchObject({ call_id: 'c1' });
});

test('keys are pressed by finger and typed, and those of the customer are shown', async () => {
  const { world } = await talking();
  await fireEvent.click(at('keypad'));
  await fireEvent.click(at('key-1'));
  await fireEvent.keyDown(document.body, { key: '#' });
  expect(world.socket.received.filter(({ type }) => type === 'call.arrange')).toHaveLength(2);
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'press', digits: '#' });
  expect(at('digits-sent').textContent).toBe('1#');
});

test('the keys the customer presses are shown', async () => {
  const { world, becomes } = await talking();
  for (const digit of ['4', '2']) await world.event({ type: 'call.digit', call_id: 'c1', digit });
  await becomes(live());
  expect(at('digits-heard').textContent).toContain('Rui pressed 4 2');
});

test('a recording is in sight for as long as it is made', async () => {
  const { world, becomes } = await talking();
  expect(at('recording-state').textContent?.trim()).toBe('');
  await fireEvent.click(at('record'));
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'record' });
  await becomes(live({ table: table({ recording: { id: 'r', state: 'recording' } }) }));
  expect(at('recording-state').textContent).toContain('Recording');
  await fireEvent.click(at('record-pause'));
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'pause_recording' });
  await becomes(live({ table: table({ recording: { id: 'r', state: 'paused' } }) }));
  expect(at('recording-state').textContent).toContain('Recording paused');
  await fireEvent.click(at('record-stop'));
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'stop_recording' });
});

test('with keys alone: what is unfolded has the keyboard, and Escape gives it back', async () => {
  const { world, phone } = await talking();
  render(Shortcuts, { phone });
  await fireEvent.keyDown(document.body, { key: 't' });
  await drawn();
  expect(document.activeElement).toBe(at('panel'));
  await fireEvent.keyDown(at('panel'), { key: 'Escape' });
  await drawn();
  absent('panel');
  expect(document.activeElement).toBe(at('transfer'));
  await fireEvent.keyDown(document.body, { key: 'k' });
  await drawn();
  await fireEvent.keyDown(document.body, { key: '5' });
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'press', digits: '5' });
  await fireEvent.keyDown(document.body, { key: 'r' });
  expect(world.socket.last('call.arrange').wish).toEqual({ do: 'record' });
});

test('a refusal is told, and the panel stays', async () => {
  const { world, phone } = await talking();
  render(Trouble, { phone });
  await fireEvent.click(at('transfer'));
  await colleagues(world);
  await fireEvent.click(within(at('colleague')).getByTestId('transfer-now'));
  await world.refuse('call.arrange', 'not_available');
  await drawn();
  expect(at('trouble').textContent).toContain('no: not_available');
  expect(at('panel')).toBeTruthy();
});

test('whoever is not the owner can mute and leave, nothing else', async () => {
  await talking(live({ agent: bea, table: table({ parties: [{ agent: ana, role: 'member' }] }) }));
  for (const testId of ['hold', 'transfer', 'add', 'park', 'record', 'party-remove']) absent(testId);
  expect(at('mute')).toBeTruthy();
  expect(at('hangup').textContent).toContain('Leave');
});

test('a call that goes on without us says so, and offers no redial', async () => {
  const { world, phone } = await talking();
  render(Ended, { phone });
  await world.event({ type: 'call.left', call: live({ agent: bea }), reason: 'taken_over' });
  await drawn();
  expect(at('end-reason').textContent).toContain('A supervisor has taken the call over');
  absent('call-again');
});

test('a transfer rings with who asks, and is answered like any call', async () => {
  const { world, phone } = await desk();
  render(Incoming, { phone });
  const asked = live({ agent: bea, table: table({ seeking: { purpose: 'consult', agent: ana } }) });
  await world.event({ type: 'call.incoming', call: asked });
  await drawn();
  expect(at('incoming-kind').textContent?.trim()).toBe('Bea asks you about a call');
  await fireEvent.click(at('answer'));
  await drawn();
  expect(world.socket.last('call.accept')).toMatchObject({ call_id: 'c1' });
});

test('a parked call is taken with one click', async () => {
  const parked = live({ agent: null, table: table({ parked_at: '2026-11-02T09:00:00Z' }) });
  const { world, phone } = await desk(snapshot({ parked: [parked] }));
  render(Parked, { phone });
  expect(at('parked-call').textContent).toContain('Rui');
  await fireEvent.click(at('take-parked'));
  await drawn();
  expect(world.socket.last('call.retrieve')).toMatchObject({ call_id: 'c1' });
  await world.event({ type: 'call.parked', call: live() });
  await drawn();
  absent('parked-call');
});

test('a supervisor comes to a live call and changes how they are in it', async () => {
  const { world, phone } = await desk();
  render(Board, { phone });
  await vi.waitFor(() => world.socket.last('colleagues.list'));
  const { id } = world.socket.last('colleagues.list');
  world.socket.say({ type: 'colleagues', id, colleagues: [], live: [live({ agent: bea })] });
  await drawn();
  expect(at('live-call').textContent).toContain('Bea');
  await fireEvent.click(at('supervise-listen'));
  await drawn();
  expect(world.socket.last('call.supervise')).toMatchObject({ call_id: 'c1', how: 'listen' });
  const listens = live({ agent: bea, table: table({ parties: [{ agent: ana, role: 'listener' }] }) });
  await world.ack('call.supervise', listens, sdp('passive'));
  await drawn();
  const [facts] = phone.engaged;
  if (facts === undefined) throw new Error('no call');
  render(Conversation, { phone, facts, devices: createRawSnippet(() => ({ render: () => '<i></i>' })) });
  expect(at('call-state').textContent).toBe('Listening');
  expect(at('way-listen').getAttribute('aria-pressed')).toBe('true');
  await fireEvent.click(at('way-barge'));
  await drawn();
  expect(world.socket.last('call.supervise')).toMatchObject({ how: 'barge' });
});
