import { expect, test } from 'vitest';
import { SoftphoneError } from '../src/errors';
import { exponentialBackOff } from '../src/signal/reconnect';
import { settle } from './fake/clock';
import { listen, snapshot, view, World } from './fake/world';

test('hello carries a fresh ticket and nothing to resume the first time', async () => {
  const world = await World.registered();
  expect(world.protocols).toEqual(['offhook.v1']);
  expect(world.socket.received).toEqual([{ type: 'hello', token: 'ticket1', device_id: 'local1' }]);
});

test('after a drop it comes back with a new ticket and the last number it saw', async () => {
  const world = await World.registered();
  await world.event({ type: 'presence.changed', status: 'available' }, 41);
  await world.reconnect();
  world.socket.accept();
  expect(world.socket.received[0]).toEqual({
    type: 'hello',
    token: 'ticket2',
    device_id: 'local1',
    resume_after: 41,
  });
});

test('a snapshot that replaces a lost past starts a new count', async () => {
  const world = await World.registered();
  await world.event({ type: 'presence.changed', status: 'available' }, 900);
  await world.reconnect();
  await world.welcome({ seq: 3, resumed: false });
  await world.event({ type: 'presence.changed', status: 'available' }, 4);
  expect(world.device.presence).toBe('available');
});

test('an event that was seen already is not heard again', async () => {
  const world = await World.registered();
  const heard = listen(world.device, 'incoming');
  const ring = { type: 'call.incoming', call: view('c1', 'inbound'), sdp_offer: 'offer' } as const;
  await world.event(ring, 7);
  await world.event({ type: 'call.ended', call: view('c1', 'inbound', { state: 'missed' }) }, 8);
  await world.event(ring, 7);
  expect(heard).toEqual(['incoming']);
});

test('waits between tries grow, differ and have a roof', () => {
  const longest = exponentialBackOff(() => 0.999_999);
  const shortest = exponentialBackOff(() => 0);
  const delays = [1, 2, 3, 4, 5, 6, 9].map((attempt) => Math.round(longest.nextDelay(attempt) ?? -1));
  expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(shortest.nextDelay(3)).toBe(1_000);
});

test('the network coming back cuts the wait short', async () => {
  const world = await World.registered();
  world.socket.drop();
  expect(world.device.connection.name).toBe('waiting');
  world.online();
  await settle();
  expect(world.sockets).toHaveLength(2);
});

test('a stale ticket is replaced at once', async () => {
  const world = new World();
  void world.device.register();
  await settle();
  world.socket.drop(4401);
  await world.clock.advance(0);
  expect(world.sockets).toHaveLength(2);
  expect(world.tickets).toBe(2);
});

test('goaway is obeyed: back after the stated time and not before', async () => {
  const world = await World.registered();
  await world.clock.advance(6_000);
  world.socket.say({ type: 'goaway', reason: 'shutdown', reconnect_after_ms: 3_000 });
  world.socket.drop(4503);
  await world.clock.advance(3_400);
  expect(world.sockets).toHaveLength(1);
  await world.clock.advance(200);
  expect(world.sockets).toHaveLength(2);
});

test('a server that stops answering pings is left for a new connection', async () => {
  const world = await World.registered();
  world.socket.answersPings = false;
  await world.clock.advance(25_000);
  expect(world.socket.count('ping')).toBe(1);
  await world.clock.advance(10_000);
  expect(world.socket.closedWith).toBe(4408);
  expect(world.device.state).toBe('unregistered');
});

test('a server that answers pings is kept', async () => {
  const world = await World.registered();
  await world.clock.advance(125_000);
  expect(world.socket.count('ping')).toBe(5);
  expect(world.sockets).toHaveLength(1);
});

test('a server that never welcomes is tried again', async () => {
  const world = new World();
  void world.device.register();
  await settle();
  world.socket.accept();
  await world.clock.advance(11_000);
  expect(world.sockets).toHaveLength(2);
});

test('a refused ticket means signed out: no more tries', async () => {
  const world = new World();
  world.ticket = () => Promise.reject(Object.assign(new Error('401'), { status: 401 }));
  const heard = listen(world.device, 'signedOut');
  await expect(world.device.register()).rejects.toMatchObject({ code: 'not_connected' });
  await world.clock.advance(60_000);
  expect(heard).toEqual(['signedOut']);
  expect(world.sockets).toHaveLength(0);
});

test('a role without calls is told, and tried again in case it is changed', async () => {
  const world = new World();
  const good = world.ticket;
  world.ticket = () => Promise.reject(Object.assign(new Error('403'), { status: 403 }));
  const codes: string[] = [];
  world.device.on('error', (error) => codes.push(error.code));
  void world.device.register();
  await world.clock.advance(100);
  expect(codes).toEqual(['forbidden']);
  world.ticket = good;
  await world.clock.advance(1_000);
  expect(world.sockets).toHaveLength(1);
});

test('a ticket that fails for another reason is tried again', async () => {
  const world = new World();
  const good = world.ticket;
  world.ticket = () => Promise.reject(new Error('offline'));
  const registered = world.device.register();
  await world.clock.advance(100);
  world.ticket = good;
  await world.clock.advance(1_000);
  await world.welcome();
  await expect(registered).resolves.toBeUndefined();
});

test('every command gets its own reply', async () => {
  const world = await World.registered();
  const first = world.device.setPresence('available');
  const asked = world.device.requestPermission('+351910000002', 'num_1');
  await world.refuse('permission.request', 'limit_reached');
  await world.ack('presence.set');
  await expect(first).resolves.toBeUndefined();
  await expect(asked).rejects.toMatchObject({ code: 'limit_reached' });
  expect(world.device.presence).toBe('available');
});

test('a command without a reply fails after its deadline', async () => {
  const world = await World.registered();
  const asked = world.device.setPresence('available').catch((error: unknown) => error);
  await world.clock.advance(30_000);
  expect(await asked).toMatchObject({ code: 'command_timeout' });
});

test('a drop fails the commands that wait', async () => {
  const world = await World.registered();
  const asked = world.device.setPresence('available').catch((error: unknown) => error);
  world.socket.drop();
  expect(await asked).toMatchObject({ code: 'connection_lost' });
});

test('commands without a connection fail at once', async () => {
  const world = new World();
  await expect(world.device.setPresence('available')).rejects.toBeInstanceOf(SoftphoneError);
});

test('a page that asks without end is stopped', async () => {
  const world = await World.registered();
  const asked = Array.from({ length: 65 }, () => world.device.setPresence('available').catch((error) => error.code));
  world.socket.drop();
  expect((await Promise.all(asked)).at(-1)).toBe('too_many_commands');
});

test('messages of a later version and broken frames are passed over', async () => {
  const world = await World.registered();
  world.socket.sayText('{"type":"confetti"}');
  world.socket.sayText('not json');
  world.socket.sayText('[]');
  await world.event({ type: 'presence.changed', status: 'available' });
  expect(world.device.presence).toBe('available');
});

test('states are told as a page knows them from other softphones', async () => {
  const world = new World();
  const heard = listen(world.device, 'registering', 'registered', 'unregistered', 'destroyed');
  void world.device.register();
  await world.welcome();
  await world.reconnect();
  await world.welcome();
  world.device.destroy();
  expect(heard).toEqual([
    'registering',
    'registered',
    'unregistered',
    'registering',
    'registered',
    'unregistered',
    'destroyed',
  ]);
});

test('after unregister nothing is left waiting', async () => {
  const world = await World.registered(snapshot({ presence: 'available' }));
  world.device.unregister();
  expect(world.socket.closedWith).toBe(1000);
  expect(world.clock.waiting).toBe(0);
});
