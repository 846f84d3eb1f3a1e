import { expect, test } from 'vitest';
import type { IceServer } from '../src/protocol';
import { settle } from './fake/clock';
import { sdp } from './fake/media';
import { snapshot, view, World } from './fake/world';

const To = '+351910000002';
const RELAYED = 'candidate:2 1 udp 1 192.0.2.9 5000 typ relay raddr 0.0.0.0 rport 0';

function turn(username: string): IceServer {
  return { urls: ['turn:turn.example.com', 'turns:turn.example.com'], username, credential: 'word' };
}

async function registered(iceServers: IceServer[], options = {}): Promise<World> {
  const world = new World(options);
  const registered = world.device.register();
  await world.welcome({ iceServers });
  await registered;
  return world;
}

/** Dials, with candidates that never end, and tells what was sent so far. */
async function dialing(iceServers: IceServer[]): Promise<{ world: World; sent: () => number }> {
  const world = await registered(iceServers);
  world.preparePeer = (peer) => (peer.gathersForever = true);
  void world.device.connect({ params: { To } });
  await settle();
  return { world, sent: () => world.socket.count('call.place') };
}

test('calls use the servers of the welcome, relayed ones and bridged ones', async () => {
  const world = await registered([turn('1:ana')]);
  await world.device.audio.prepare();
  await world.event({ type: 'call.incoming', call: view('c1', 'inbound'), sdp_offer: sdp('actpass') });
  await world.event({ type: 'call.incoming', call: view('c2', 'inbound', { media: 'bridge' }) });
  void world.device.connect({ params: { To } });
  await settle();
  const used = { iceServers: [turn('1:ana')], iceTransportPolicy: 'all' };
  expect(world.configurations).toEqual([used, used, used]);
});

test('a call that rings at the welcome has them too', async () => {
  const world = new World();
  await world.device.audio.prepare();
  void world.device.register();
  const ringing = [{ call: view('c1', 'inbound', { media: 'bridge' }) }];
  await world.welcome({ iceServers: [turn('1:ana')], snapshot: snapshot({ ringing }) });
  expect(world.configurations).toEqual([{ iceServers: [turn('1:ana')], iceTransportPolicy: 'all' }]);
});

test('fresh credentials serve the next call, from a message or from the next welcome', async () => {
  const world = await registered([turn('1:ana')]);
  const used = async () => {
    void world.device.connect({ params: { To } });
    await settle();
    return world.configurations.at(-1)?.iceServers;
  };
  world.socket.say({ type: 'ice_servers', ice_servers: [turn('2:ana')] });
  expect(await used()).toEqual([turn('2:ana')]);
  await world.reconnect();
  await world.welcome({ iceServers: [turn('3:ana')] });
  expect(await used()).toEqual([turn('3:ana')]);
});

test('a page may bring servers of its own and let sound pass through them only', async () => {
  const iceServers = [{ urls: 'stun:stun.example.com' }];
  const world = await registered([turn('1:ana')], { iceServers, iceTransportPolicy: 'relay' });
  void world.device.connect({ params: { To } });
  await settle();
  expect(world.configurations).toEqual([{ iceServers, iceTransportPolicy: 'relay' }]);
});

test('without a TURN server a description waits two seconds for candidates', async () => {
  for (const servers of [[], [{ urls: ['stun:stun.example.com'] }]]) {
    const { world, sent } = await dialing(servers);
    await world.clock.advance(1_900);
    expect(sent()).toBe(0);
    await world.clock.advance(100);
    expect(sent()).toBe(1);
  }
});

test('with one it waits for an address there, and not for others after it', async () => {
  const { world, sent } = await dialing([turn('1:ana')]);
  await world.clock.advance(3_000);
  expect(sent()).toBe(0);
  world.peer.find(RELAYED);
  await settle();
  expect(sent()).toBe(1);
  expect(world.socket.last('call.place').sdp).toContain(RELAYED);

  const early = await dialing([turn('1:ana')]);
  early.world.peer.find(RELAYED);
  await early.world.clock.advance(1_900);
  expect(early.sent()).toBe(0);
  await early.world.clock.advance(100);
  expect(early.sent()).toBe(1);
});

test('a TURN server that never answers costs five seconds and not the call', async () => {
  const { world, sent } = await dialing([turn('1:ana')]);
  await world.clock.advance(5_000);
  expect(sent()).toBe(1);
});
