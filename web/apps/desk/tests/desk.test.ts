import type { CallView } from '@offhook/softphone';
import { fireEvent, render, screen } from '@testing-library/svelte';
import { createRawSnippet, tick, type Component } from 'svelte';
import { beforeEach, expect, test, vi } from 'vitest';
import { settle } from '../../../packages/softphone/tests/fake/clock';
import { sdp } from '../../../packages/softphone/tests/fake/media';
import { ana, bea, snapshot, view, World } from '../../../packages/softphone/tests/fake/world';
import Connection from '../src/features/connection/Connection.svelte';
import Conversation from '../src/features/conversation/Conversation.svelte';
import Ended from '../src/features/conversation/Ended.svelte';
import Dialer from '../src/features/dialer/Dialer.svelte';
import Incoming from '../src/features/incoming/Incoming.svelte';
import Notices from '../src/features/notices/Notices.svelte';
import PresenceSwitch from '../src/features/presence/PresenceSwitch.svelte';
import Recent from '../src/features/recent/Recent.svelte';
import Shortcuts from '../src/features/shortcuts/Shortcuts.svelte';
import SignIn from '../src/features/sign-in/SignIn.svelte';
import Trouble from '../src/features/trouble/Trouble.svelte';
import { Phone } from '../src/phone/phone.svelte';

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  vi.restoreAllMocks();
});

async function desk(start = snapshot()): Promise<{ world: World; phone: Phone; show: Show }> {
  const world = new World();
  const phone = new Phone(world.device, () => undefined);
  await settle();
  await world.welcome({ snapshot: start });
  return { world, phone, show: (component) => void render(component, { phone }) };
}

type Show = (component: Component<{ phone: Phone }>) => void;

async function drawn(): Promise<void> {
  await settle();
  await tick();
}

async function ring(world: World, id = 'c1'): Promise<void> {
  await world.event({ type: 'call.incoming', call: view(id, 'inbound'), sdp_offer: 'offer' });
  await drawn();
}

const at = (testId: string) => screen.getByTestId(testId);
const absent = (testId: string) => expect(screen.queryByTestId(testId)).toBeNull();

test('an incoming call shows who it is and is answered with one click', async () => {
  const { world, show } = await desk();
  show(Incoming);
  await ring(world);
  expect(at('incoming-name').textContent).toBe('Rui');
  expect(at('incoming-card').textContent).toContain('+351 910 000 002');
  await fireEvent.click(at('answer'));
  await drawn();
  expect(world.socket.last('call.accept')).toMatchObject({ call_id: 'c1' });
  absent('incoming-card');
});

test('several calls that ring are a list', async () => {
  const { world, show } = await desk();
  show(Incoming);
  await ring(world, 'c1');
  await ring(world, 'c2');
  expect(screen.getAllByTestId('incoming-card')).toHaveLength(2);
});

test('declining takes the card away', async () => {
  const { world, show } = await desk();
  show(Incoming);
  await ring(world);
  await fireEvent.click(at('decline'));
  await drawn();
  absent('incoming-card');
  expect(world.socket.count('call.decline')).toBe(1);
});

test('one learns who took the call', async () => {
  const { world, show } = await desk();
  show(Notices);
  await ring(world);
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'answered_elsewhere', by: bea });
  await drawn();
  expect(at('taken-by').textContent).toContain('Answered by Bea');
});

test('a missed call can be called back', async () => {
  const { world, show } = await desk();
  show(Notices);
  await ring(world);
  await world.event({ type: 'call.silenced', call_id: 'c1', reason: 'caller_gave_up' });
  await drawn();
  expect(at('missed').textContent).toContain('Missed: Rui');
  await fireEvent.click(screen.getByText('Call back'));
  await drawn();
  expect(world.socket.last('call.place')).toMatchObject({ to: '+351910000002' });
});

test('a denied microphone is explained, and the caller is not lost', async () => {
  const { world, show } = await desk();
  world.media.refusal = 'NotAllowedError';
  show(Incoming);
  show(Trouble);
  await ring(world);
  await fireEvent.click(at('answer'));
  await drawn();
  expect(at('mic-error').textContent).toContain('Allow the microphone');
  expect(at('incoming-card')).toBeTruthy();
  world.media.refusal = null;
  await fireEvent.click(at('mic-retry'));
  await drawn();
  absent('mic-error');
});

test('going online asks for the microphone and tells the server', async () => {
  const { world, show } = await desk();
  show(PresenceSwitch);
  expect(at('presence').textContent).toContain('Away');
  await fireEvent.click(at('go-online'));
  await world.ack('presence.set');
  await drawn();
  expect(world.media.opened).toHaveLength(1);
  expect(at('presence').textContent).toContain('Online');
  await fireEvent.click(at('go-offline'));
  await world.ack('presence.set');
  await drawn();
  expect(at('presence').textContent).toContain('Away');
  expect(world.media.opened[0]?.track.readyState).toBe('ended');
});

test('after a reload an available agent is online without a click', async () => {
  const { show } = await desk(snapshot({ presence: 'available' }));
  show(PresenceSwitch);
  expect(at('presence').textContent).toContain('Online');
});

test('a lost connection is told until it is back', async () => {
  const { world, show } = await desk();
  show(Connection);
  absent('connection-banner');
  world.socket.drop();
  await drawn();
  expect(at('connection-banner').textContent).toContain('Reconnecting');
  await world.clock.advance(1_000);
  await world.welcome();
  await drawn();
  absent('connection-banner');
});

test('a number is spelled out while it is typed, and dialled as E.164', async () => {
  const { world, show } = await desk();
  show(Dialer);
  await fireEvent.input(at('dial-input'), { target: { value: '351910000002' } });
  expect(at('dial-input')).toHaveProperty('value', '+351 910 000 002');
  expect(at('dial-hint').textContent).toContain('Portugal');
  await fireEvent.click(at('dial-call'));
  await drawn();
  expect(world.socket.last('call.place')).toMatchObject({ to: '+351910000002' });
});

test('a number that cannot be right is refused with words, not dialled', async () => {
  const { world, show } = await desk();
  show(Dialer);
  await fireEvent.input(at('dial-input'), { target: { value: '0910' } });
  expect(at('dial-hint').textContent).toContain('country code');
  await fireEvent.click(at('dial-call'));
  await drawn();
  expect(world.socket.count('call.place')).toBe(0);
});

test('with several business numbers one is chosen', async () => {
  const number = (id: string, phone: string) => ({ id, phone, media: 'relay' as const });
  const numbers = [number('num_1', '+351210000001'), number('num_2', '+442070000001')];
  const { world, show } = await desk(snapshot({ numbers }));
  show(Dialer);
  await fireEvent.change(at('dial-from'), { target: { value: 'num_2' } });
  await fireEvent.input(at('dial-input'), { target: { value: '+351910000002' } });
  await fireEvent.click(at('dial-call'));
  await drawn();
  expect(world.socket.last('call.place')).toMatchObject({ from_number_id: 'num_2' });
});

test('a call is followed in words from the click to the end', async () => {
  const { world, phone, show } = await desk();
  show(Ended);
  void phone.dial('+351910000002');
  await drawn();
  const facts = phone.engaged[0];
  if (facts === undefined) throw new Error('no call');
  const devices = createRawSnippet(() => ({ render: () => '<i></i>' }));
  const shown = render(Conversation, { phone, facts, devices });
  const becomes = async (state: 'ringing' | 'connected') => {
    await world.event({ type: 'call.changed', call: view('o1', 'outbound', { state }) });
    await shown.rerender({ facts: phone.engaged[0] ?? facts });
    return at('call-state').textContent;
  };
  expect(at('call-state').textContent).toBe('Calling WhatsApp…');
  await world.ack('call.place', view('o1', 'outbound'));
  await world.event({ type: 'call.remote_answer', call_id: 'o1', sdp_answer: sdp('passive') });
  expect(await becomes('ringing')).toBe('Ringing…');
  expect(await becomes('connected')).toBe('Connected');
  expect(at('call-timer').textContent).toBe('00:00');
  await fireEvent.click(at('mute'));
  expect(phone.engaged[0]?.muted).toBe(true);
  await fireEvent.click(at('hangup'));
  await drawn();
  expect(world.socket.last('call.hangup')).toMatchObject({ call_id: 'o1' });
  expect(at('end-reason').textContent).toContain('You hung up.');
});

test('without permission one can ask for it, sees the reply, and calls', async () => {
  const { world, phone, show } = await desk();
  show(Ended);
  void phone.dial('+351910000002');
  await drawn();
  await world.refuse('call.place', 'no_permission');
  await drawn();
  expect(at('end-reason').textContent).toContain('has not allowed');
  await fireEvent.click(at('ask-permission'));
  await world.ack('permission.request');
  await drawn();
  expect(at('permission-status').textContent).toContain('Waiting');
  const changed = { type: 'permission.changed', number_id: 'num_1', phone: '+351910000002' } as const;
  await world.event({ ...changed, status: 'granted' });
  await drawn();
  expect(at('permission-status').textContent).toContain('granted');
  await fireEvent.click(at('call-again'));
  await drawn();
  expect(world.socket.count('call.place')).toBe(2);
});

test('keys answer, mute and hang up, but not while one types', async () => {
  const { world, show } = await desk();
  show(Shortcuts);
  show(Dialer);
  await ring(world);
  await fireEvent.keyDown(at('dial-input'), { key: 'a' });
  await drawn();
  expect(world.socket.count('call.accept')).toBe(0);
  await fireEvent.keyDown(document.body, { key: 'a' });
  await drawn();
  expect(world.socket.count('call.accept')).toBe(1);
  await world.ack('call.accept', view('c1', 'inbound', { state: 'connected', agent: ana }));
  await fireEvent.keyDown(document.body, { key: 'm' });
  expect(world.device.calls[0]?.isMuted()).toBe(true);
  await fireEvent.keyDown(document.body, { key: 'h' });
  expect(world.socket.count('call.hold')).toBe(0);
  await fireEvent.keyDown(document.body, { key: 'e' });
  expect(world.socket.count('call.hangup')).toBe(1);
});

test('single keys can be switched off', async () => {
  localStorage.setItem('offhook.shortcuts', 'off');
  const { world, show } = await desk();
  show(Shortcuts);
  await ring(world);
  await fireEvent.keyDown(document.body, { key: 'a' });
  await drawn();
  expect(world.socket.count('call.accept')).toBe(0);
});

test('a call whose sound is not in this page can only be hung up', async () => {
  const call = view('c1', 'inbound', { state: 'connected', agent: ana });
  const { phone } = await desk(snapshot({ calls: [{ call }] }));
  const facts = phone.engaged[0];
  if (facts === undefined) throw new Error('no call');
  render(Conversation, { phone, facts, devices: createRawSnippet(() => ({ render: () => '<i></i>' })) });
  expect(at('sound-elsewhere')).toBeTruthy();
  absent('mute');
  expect(at('hangup')).toBeTruthy();
});

test('a wrong password is told in words', async () => {
  const refused = () => Promise.resolve(new Response('{"error":{"code":"unauthorized"}}', { status: 401 }));
  vi.stubGlobal('fetch', vi.fn(refused));
  render(SignIn);
  await fireEvent.input(at('login-email'), { target: { value: 'ana@example.com' } });
  await fireEvent.input(at('login-password'), { target: { value: 'wrong' } });
  await fireEvent.submit(at('login-submit').closest('form') ?? document.body);
  await vi.waitFor(() => expect(at('login-error').textContent).toContain('do not match'));
  vi.unstubAllGlobals();
});

test('the list of calls is loaded again when a call is over', async () => {
  const row = { id: 'c0', phone_number_id: '1', direction: 'inbound', status: 'missed', end_reason: null };
  const more = { from_phone: '+351910000002', to_phone: null, contact_name: 'Rui', answered_at: null };
  const rows = [{ ...row, ...more, duration_seconds: null, created_at: '2026-11-02T09:00:00Z' }];
  const fetched = vi.fn<() => Promise<Response>>(() => Promise.resolve(new Response(JSON.stringify({ data: rows }))));
  vi.stubGlobal('fetch', fetched);
  const { world, show } = await desk();
  show(Recent);
  await vi.waitFor(() => expect(at('recent-row').textContent).toContain('Rui'));
  const before = fetched.mock.calls.length;
  await ring(world);
  await world.event({ type: 'call.ended', call: view('c1', 'inbound', { state: 'missed' }) });
  await vi.waitFor(() => expect(fetched.mock.calls.length).toBeGreaterThan(before));
  vi.unstubAllGlobals();
});

// ---- bridged calls

function live(more: Partial<CallView> = {}): CallView {
  const answered = { agent: ana, answered_at: '2026-11-02T08:58:55Z' };
  return view('c1', 'inbound', { media: 'bridge', state: 'connected', ...answered, ...more });
}

/** The panel of the only call, redrawn as the page would. */
function panel(phone: Phone): { redraw(): Promise<void> } {
  const now = () => {
    const [facts] = phone.engaged;
    if (facts === undefined) throw new Error('no call');
    return facts;
  };
  const devices = createRawSnippet(() => ({ render: () => '<i></i>' }));
  const shown = render(Conversation, { phone, facts: now(), devices });
  return {
    async redraw() {
      await drawn();
      await shown.rerender({ facts: now() });
    },
  };
}

function microphoneIs(state: PermissionState): void {
  vi.spyOn(navigator.permissions, 'query').mockResolvedValue(
    Object.assign(new EventTarget(), { name: 'microphone', state, onchange: null }),
  );
}

/** A window in which a bridged call went on until a moment ago. */
async function interrupted(muted = false): Promise<void> {
  const { world, phone } = await desk();
  await world.event({ type: 'call.incoming', call: view('c1', 'inbound', { media: 'bridge' }) });
  await drawn();
  const [ring] = phone.ringing;
  if (ring === undefined) throw new Error('it does not ring');
  phone.answer(ring);
  await drawn();
  await world.ack('call.accept', live(), sdp('passive'));
  if (muted) ring.call.mute();
  expect(world.socket.count('call.hangup')).toBe(0);
}

test('a reload in the middle of a bridged call brings the sound back by itself, with the time that has passed', async () => {
  microphoneIs('granted');
  await interrupted();
  const { world, phone } = await desk(snapshot({ calls: [{ call: live() }] }));
  const { redraw } = panel(phone);
  await redraw();
  expect(at('sound-elsewhere').textContent).toContain('Reconnecting');
  expect(at('call-timer').textContent).toBe('01:05');
  await world.ack('call.attach', live(), sdp('passive'));
  world.peer.become('connected');
  await redraw();
  absent('sound-elsewhere');
  expect(at('call-state').textContent).toBe('Connected');
  expect(world.peer.sent).toHaveLength(1);
});

test('who was muted before a reload is muted after it', async () => {
  microphoneIs('granted');
  await interrupted(true);
  const { world, phone } = await desk(snapshot({ calls: [{ call: live() }] }));
  await drawn();
  await world.ack('call.attach', live(), sdp('passive'));
  expect(phone.engaged[0]?.muted).toBe(true);
  expect(world.media.opened[0]?.track.clones[0]?.enabled).toBe(false);
});

test('where the browser would ask for the microphone, a click brings the sound back', async () => {
  microphoneIs('prompt');
  await interrupted();
  const { world, phone } = await desk(snapshot({ calls: [{ call: live() }] }));
  const { redraw } = panel(phone);
  await redraw();
  expect(world.media.opened).toHaveLength(0);
  expect(at('sound-elsewhere').textContent).toContain('Your sound is not connected');
  absent('mute');
  await fireEvent.click(at('attach'));
  await drawn();
  await world.ack('call.attach', live(), sdp('passive'));
  world.peer.become('connected');
  await redraw();
  absent('attach');
  expect(at('mute')).toBeTruthy();
});

test('a second window does not take the sound from the first', async () => {
  microphoneIs('granted');
  const { world, phone } = await desk(snapshot({ presence: 'available', calls: [{ call: live() }] }));
  panel(phone);
  await drawn();
  expect(world.socket.count('call.attach')).toBe(0);
  expect(at('attach').textContent).toContain('Reconnect');
});

test('sound that another window took is not taken back after a reload', async () => {
  microphoneIs('granted');
  await interrupted();
  const { world } = await desk(snapshot({ calls: [{ call: live() }] }));
  await drawn();
  await world.ack('call.attach', live(), sdp('passive'));
  world.peer.become('connected');
  world.peer.transport.endRemotely();
  await world.clock.advance(1_000);
  expect(world.media.opened[0]?.track.readyState).toBe('ended');
  const again = await desk(snapshot({ calls: [{ call: live() }] }));
  await drawn();
  expect(again.world.socket.count('call.attach')).toBe(0);
});

test('hold is one press, and so is going on', async () => {
  microphoneIs('granted');
  await interrupted();
  const { world, phone, show } = await desk(snapshot({ calls: [{ call: live() }] }));
  show(Shortcuts);
  const { redraw } = panel(phone);
  await drawn();
  await world.ack('call.attach', live(), sdp('passive'));
  world.peer.become('connected');
  await redraw();
  expect(at('hold').getAttribute('aria-pressed')).toBe('false');
  await fireEvent.click(at('hold'));
  await world.ack('call.hold', live({ held: true }));
  await redraw();
  expect(at('hold').getAttribute('aria-pressed')).toBe('true');
  expect(at('call-state').textContent).toBe('On hold — the customer hears music');
  await fireEvent.keyDown(document.body, { key: 'h' });
  await world.ack('call.resume', live());
  await redraw();
  expect(at('call-state').textContent).toBe('Connected');
});

test('a hold that is refused is told', async () => {
  const { world, phone, show } = await desk(snapshot({ calls: [{ call: live() }] }));
  show(Trouble);
  panel(phone);
  await fireEvent.click(at('hold'));
  await world.refuse('call.hold', 'unavailable');
  await drawn();
  expect(screen.getByText(/no: unavailable/)).toBeTruthy();
});

test('lost sound is told while it is brought back', async () => {
  microphoneIs('granted');
  await interrupted();
  const { world, phone } = await desk(snapshot({ calls: [{ call: live() }] }));
  const { redraw } = panel(phone);
  await drawn();
  await world.ack('call.attach', live(), sdp('passive'));
  world.peer.become('connected');
  await redraw();
  world.peer.become('disconnected');
  await redraw();
  expect(at('call-state').textContent).toBe('Reconnecting your sound…');
  absent('sound-elsewhere');
});

test('a relayed call has no hold', async () => {
  const { phone } = await desk(snapshot({ calls: [{ call: live({ media: 'relay' }) }] }));
  panel(phone);
  expect(screen.queryByTestId('hold')).toBeNull();
  absent('attach');
});
