/** A device in a pretended world, with the server's side of its socket in the test's hand. */

import { Device, type DeviceOptions } from '../../src/device';
import type { Environment, Socket, SocketHandlers } from '../../src/environment';
import type { AgentEvent, CallView, ClientMessage, IceServer, ServerMessage, Snapshot } from '../../src/protocol';
import { FakeClock, settle } from './clock';
import { FakeMedia, FakePeer, FakeSound } from './media';

export const ana = { id: 'agt_1', name: 'Ana' };
export const bea = { id: 'agt_2', name: 'Bea' };
const number = { id: 'num_1', phone: '+351210000001', media: 'relay' as const };

export function view(id: string, direction: 'inbound' | 'outbound', more: Partial<CallView> = {}): CallView {
  return {
    id,
    direction,
    state: direction === 'inbound' ? 'ringing' : 'dialing',
    media: 'relay',
    held: false,
    number,
    peer: { phone: '+351910000002', name: 'Rui' },
    agent: direction === 'inbound' ? null : ana,
    created_at: '2026-11-02T09:00:00Z',
    ringing_at: null,
    answered_at: null,
    ended_at: null,
    duration_seconds: null,
    end_reason: null,
    error: null,
    ...more,
  };
}

export function snapshot(more: Partial<Snapshot> = {}): Snapshot {
  return { presence: 'away', numbers: [number], ringing: [], calls: [], parked: [], ...more };
}

type Command = Extract<ClientMessage, { id: string }>;

/** One connection, as the server sees it. */
export class FakeSocket implements Socket {
  readonly received: ClientMessage[] = [];
  closedWith: number | null = null;
  answersPings = true;
  readonly #handlers: SocketHandlers;

  constructor(handlers: SocketHandlers) {
    this.#handlers = handlers;
  }

  send(text: string): void {
    const message: ClientMessage = JSON.parse(text);
    this.received.push(message);
    if (message.type === 'ping' && this.answersPings) this.say({ type: 'pong', id: message.id });
  }

  close(code: number): void {
    this.closedWith = code;
  }

  accept(): void {
    this.#handlers.opened();
  }

  drop(code = 1006): void {
    this.#handlers.closed(code);
  }

  say(message: ServerMessage): void {
    this.#handlers.message(JSON.stringify(message));
  }

  sayText(text: string): void {
    this.#handlers.message(text);
  }

  /** The last command of that type. */
  last<Type extends Command['type']>(type: Type): Extract<Command, { type: Type }> {
    const found = this.received.filter((message): message is Extract<Command, { type: Type }> => message.type === type);
    const last = found.at(-1);
    if (last === undefined) throw new Error(`no ${type} was sent`);
    return last;
  }

  count(type: ClientMessage['type']): number {
    return this.received.filter((message) => message.type === type).length;
  }
}

export class World {
  readonly clock = new FakeClock();
  readonly media = new FakeMedia();
  readonly sound = new FakeSound();
  readonly sockets: FakeSocket[] = [];
  readonly peers: FakePeer[] = [];
  /** What each of them was made with. */
  readonly configurations: RTCConfiguration[] = [];
  readonly protocols: string[] = [];
  /** Applied to every peer before it is used. */
  preparePeer: (peer: FakePeer) => void = () => undefined;
  tickets = 0;
  ticket: () => Promise<string> = () => Promise.resolve(`ticket${++this.tickets}`);
  readonly #networkListeners: (() => void)[] = [];
  readonly device: Device;
  #seq = 0;
  #ids = 0;

  constructor(options: Partial<DeviceOptions> = {}) {
    const usual = { url: 'ws://test/ws', environment: this.environment };
    this.device = new Device(() => this.ticket(), { ...usual, ...options });
  }

  get environment(): Environment {
    return {
      clock: this.clock,
      random: () => 0.5,
      uuid: () => `local${++this.#ids}`,
      openSocket: (_url, protocol, handlers) => {
        this.protocols.push(protocol);
        const socket = new FakeSocket(handlers);
        this.sockets.push(socket);
        return socket;
      },
      createPeer: (configuration) => {
        this.configurations.push(configuration);
        const peer = new FakePeer();
        this.preparePeer(peer);
        this.peers.push(peer);
        return peer;
      },
      media: this.media,
      sound: this.sound,
      onNetwork: (listener) => void this.#networkListeners.push(listener),
    };
  }

  /** The machine found a network again, or another one. */
  online(): void {
    for (const listener of this.#networkListeners) listener();
  }

  /** The newest connection. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('nothing was opened');
    return socket;
  }

  get peer(): FakePeer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error('no peer was made');
    return peer;
  }

  /** Takes the newest connection and welcomes it. */
  async welcome(
    more: { snapshot?: Snapshot; resumed?: boolean; seq?: number; iceServers?: IceServer[] } = {},
  ): Promise<void> {
    await settle();
    this.socket.accept();
    const { resumed = false, seq = this.#seq } = more;
    this.socket.say({
      type: 'welcome',
      agent: ana,
      seq,
      resumed,
      heartbeat_ms: 25_000,
      ice_servers: more.iceServers ?? [],
      snapshot: more.snapshot ?? snapshot(),
    });
    await settle();
  }

  static async registered(start?: Snapshot): Promise<World> {
    const world = new World();
    const registered = world.device.register();
    await world.welcome(start === undefined ? {} : { snapshot: start });
    await registered;
    return world;
  }

  async event(event: AgentEvent, seq = ++this.#seq): Promise<void> {
    this.socket.say({ type: 'event', seq, at: '2026-11-02T09:00:00Z', event });
    await settle();
  }

  async ack(type: Command['type'], call?: CallView, answer?: string): Promise<void> {
    const { id } = this.socket.last(type);
    const sdp = answer === undefined ? {} : { sdp_answer: answer };
    this.socket.say({ type: 'ack', id, ...(call === undefined ? {} : { call }), ...sdp });
    await settle();
  }

  async refuse(type: Command['type'], code: string): Promise<void> {
    const { id } = this.socket.last(type);
    this.socket.say({ type: 'error', id, error: { code, message: `no: ${code}`, remedy: null } });
    await settle();
  }

  /** Drops the connection and lets the device come back to a socket that waits for its welcome. */
  async reconnect(): Promise<void> {
    const before = this.sockets.length;
    this.socket.drop();
    await this.clock.advance(1_000);
    if (this.sockets.length === before) throw new Error('the device did not come back');
  }
}

/** Collects what an emitter says, in order. */
export function listen<Name extends string>(
  emitter: { on(name: Name, listener: () => void): unknown },
  ...names: Name[]
): Name[] {
  const heard: Name[] = [];
  for (const name of names) emitter.on(name, () => heard.push(name));
  return heard;
}
