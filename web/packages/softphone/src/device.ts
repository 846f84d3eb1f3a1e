/**
 * The phone on the page: registered with the server, with calls and sound. Composes the link, the roster
 * of calls, the audio devices and the ringer; the names are those of Twilio's Voice SDK where the thing is
 * the same (README.md lists the differences).
 */

import { DeviceAudio } from './audio/device-audio';
import { Ringer } from './audio/ringer';
import { browserEnvironment } from './browser';
import type { Call, CallHost } from './call/call';
import { Emitter } from './emitter';
import type { Environment } from './environment';
import { SoftphoneError } from './errors';
import type {
  AgentEvent,
  AgentRef,
  CallView,
  ColleagueView,
  ContactChange,
  IceServer,
  NumberView,
  PermissionStatus,
  PermissionView,
  Presence,
  Supervision,
} from './protocol';
import { Roster } from './roster';
import { SignalLink, type LinkState } from './signal/link';
import { exponentialBackOff, type ReconnectPolicy } from './signal/reconnect';

/** Twilio's `Device.State`. */
export type DeviceState = 'unregistered' | 'registering' | 'registered' | 'destroyed';

/** More detail than `DeviceState`, for a banner. */
export type ConnectionState = LinkState;

export interface PermissionChange {
  readonly numberId: string;
  readonly phone: string;
  readonly status: PermissionStatus;
  /** When a grant for a time, or a request nobody answers, ends. */
  readonly expiresAt: string | null;
}

/** Who there is to transfer to, and, for owners and admins, which conversations they can come to. */
export interface Colleagues {
  readonly colleagues: readonly ColleagueView[];
  readonly live: readonly CallView[];
}

export interface DeviceOptions {
  /** `wss://host/ws`. */
  readonly url: string;
  /** STUN and TURN servers for calls, in place of those the server names. */
  readonly iceServers?: readonly RTCIceServer[];
  /** `relay` lets sound pass through TURN servers only: to prove them, or to hide the page's addresses. */
  readonly iceTransportPolicy?: RTCIceTransportPolicy;
  readonly reconnect?: ReconnectPolicy;
  /** The world; the browser by default. */
  readonly environment?: Environment;
}

export interface ConnectOptions {
  readonly params: {
    /** E.164, leading `+` optional. */
    readonly To: string;
    /** Id or phone of the business number to call from; the first one by default. */
    readonly From?: string;
  };
}

export type DeviceEvents = {
  registering: [];
  registered: [];
  unregistered: [];
  destroyed: [];
  /** A call rings here. */
  incoming: [Call];
  error: [SoftphoneError, Call | undefined];
  /** Part of Twilio's contract, never emitted: tickets are fetched when needed. */
  tokenWillExpire: [Device];
  /** The ticket was refused: the person must sign in. */
  signedOut: [];
  presence: [Presence];
  permission: [PermissionChange];
  /** A contact was made, changed, joined with another or erased: whoever shows it reads it again. */
  contact: [contactId: string, change: ContactChange];
  /** Which numbers one can call from. */
  numbers: [readonly NumberView[]];
  /** Parked calls, which any agent may take. */
  parked: [readonly CallView[]];
  connection: [ConnectionState];
  /** The list of calls, or anything about one of them, changed. */
  callsChanged: [readonly Call[]];
};

export class Device extends Emitter<DeviceEvents> {
  readonly audio: DeviceAudio;
  readonly #link: SignalLink;
  readonly #roster: Roster;
  readonly #ringer: Ringer;
  #state: DeviceState = 'unregistered';
  #agent: AgentRef | null = null;
  #presence: Presence = 'away';
  #numbers: readonly NumberView[] = [];
  #parked: readonly CallView[] = [];
  /** As the server last named them; their credentials expire. */
  #iceServers: readonly IceServer[] = [];
  /** What the server has not been told yet about calls we left. */
  readonly #leaving = new Map<string, 'call.hangup' | 'call.decline'>();

  /** `tokenProvider` fetches a fresh single-use ticket; it may reject with `{ status: 401 }` when signed out. */
  constructor(tokenProvider: () => Promise<string>, options: DeviceOptions) {
    super();
    const environment = options.environment ?? browserEnvironment();
    this.audio = new DeviceAudio(environment);
    this.#ringer = new Ringer(this.audio);
    this.#link = new SignalLink({
      url: options.url,
      deviceId: environment.uuid(),
      tokenProvider,
      environment,
      reconnect: options.reconnect ?? exponentialBackOff(() => environment.random()),
    });
    this.#roster = new Roster(this.#host(environment, options));
    this.#listen();
    environment.onNetwork(() => {
      for (const call of this.calls) call.handleNetwork();
    });
  }

  // ---- commands

  /** Connects and stays connected. Resolves at the first welcome; rejects when signed out or given up. */
  register(): Promise<void> {
    if (this.#state === 'destroyed') return Promise.reject(SoftphoneError.of('destroyed'));
    if (this.#state === 'registered') return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = [
        this.once('registered', () => done(resolve)),
        this.once('unregistered', () => done(() => reject(SoftphoneError.of('not_connected')))),
        this.once('signedOut', () => done(() => reject(SoftphoneError.of('signed_out')))),
      ];
      const done = (then: () => void) => {
        for (const each of stop) each();
        then();
      };
      this.#link.open();
    });
  }

  /** Leaves the server. Calls that go on lose their sound here; hang up first, or attach to bridged ones later. */
  unregister(): void {
    this.#link.close();
    this.#roster.clear();
  }

  destroy(): void {
    if (this.#state === 'destroyed') return;
    this.unregister();
    this.audio.release();
    this.#state = 'destroyed';
    this.emit('destroyed');
    this.removeAllListeners();
  }

  /** Calls a WhatsApp user. Rejects when the microphone or the browser refuses; later trouble is the call's. */
  connect({ params }: ConnectOptions): Promise<Call> {
    if (this.#state !== 'registered') return Promise.reject(SoftphoneError.of('not_connected'));
    const from = this.#numbers.find(({ id, phone }) => id === params.From || phone === params.From);
    const number = params.From === undefined ? this.#numbers[0] : from;
    return this.#roster.place(params.To, from?.id ?? params.From, number?.media === 'bridge');
  }

  disconnectAll(): void {
    for (const call of this.calls) call.disconnect();
  }

  /** Says whether this agent takes calls. */
  async setPresence(status: Presence): Promise<void> {
    await this.#link.request({ type: 'presence.set', status });
    this.#setPresence(status);
  }

  /** Asks a WhatsApp user, in chat, for the permission to call; the reply arrives as `permission`. */
  async requestPermission(to: string, fromNumberId?: string): Promise<void> {
    const number = fromNumberId === undefined ? {} : { from_number_id: fromNumberId };
    await this.#link.request({ type: 'permission.request', to, ...number });
  }

  /** Whether a WhatsApp user may be called and asked now, and when next if not. */
  async readPermission(to: string, fromNumberId?: string): Promise<PermissionView> {
    const number = fromNumberId === undefined ? {} : { from_number_id: fromNumberId };
    const { permission } = await this.#link.request({ type: 'permission.read', to, ...number });
    if (permission === null) throw SoftphoneError.of('protocol');
    return permission;
  }

  async colleagues(): Promise<Colleagues> {
    const { colleagues, live } = await this.#link.request({ type: 'colleagues.list' });
    return { colleagues, live };
  }

  /** Takes a parked call. Rejects when somebody was quicker, or the microphone or the browser refuses. */
  retrieve(callId: string): Promise<Call> {
    return this.#roster.join(callId, (sdp = '') => ({ type: 'call.retrieve', call_id: callId, sdp }));
  }

  /** Comes to a conversation as a supervisor, or changes how one is in it. Roles owner and admin. */
  supervise(callId: string, how: Supervision): Promise<Call> {
    const ask = { type: 'call.supervise', call_id: callId, how } as const;
    return this.#roster.join(callId, (sdp) => (sdp === undefined ? ask : { ...ask, sdp }), how === 'listen');
  }

  /** Becomes the owner of a conversation, which its owner leaves; comes to it first. Roles owner and admin. */
  async takeOver(callId: string): Promise<Call> {
    const there = this.calls.find((call) => call.id === callId && call.role !== null);
    const call = there ?? (await this.supervise(callId, 'listen'));
    await call.speak();
    await call.ask({ type: 'call.take_over', call_id: callId });
    return call;
  }

  /** Cuts the wait for the next reconnect short. */
  retryNow(): void {
    this.#link.retryNow();
  }

  // ---- queries

  get state(): DeviceState {
    return this.#state;
  }

  get connection(): ConnectionState {
    return this.#link.state;
  }

  /** Calls that are not over, oldest first. */
  get calls(): Call[] {
    return this.#roster.calls;
  }

  get isBusy(): boolean {
    return this.calls.some((call) => call.status() !== 'pending');
  }

  /** Who is signed in; null before the first welcome. */
  get identity(): AgentRef | null {
    return this.#agent;
  }

  get presence(): Presence {
    return this.#presence;
  }

  get numbers(): readonly NumberView[] {
    return this.#numbers;
  }

  /** Calls whose customers wait for whoever takes them, the longest waiting first. */
  get parked(): readonly CallView[] {
    return this.#parked;
  }

  // ---- private

  #host(environment: Environment, { iceServers, iceTransportPolicy = 'all' }: DeviceOptions): CallHost {
    const agent = () => this.#agent;
    const rtcConfiguration = () => ({ iceServers: [...(iceServers ?? this.#iceServers)], iceTransportPolicy });
    return {
      environment,
      audio: this.audio,
      get rtcConfiguration() {
        return rtcConfiguration();
      },
      get agent() {
        return agent();
      },
      get agentId() {
        return agent()?.id ?? null;
      },
      request: (command) => this.#link.request(command),
      probe: () => this.#link.probe(),
      leave: (callId, how) => this.#leave(callId, how),
    };
  }

  #listen(): void {
    this.#link.on('state', (state) => this.#handleLinkState(state));
    this.#link.on('event', (event) => this.#handleEvent(event));
    this.#link.on('error', (error) => this.emit('error', error, undefined));
    this.#link.on('signedOut', (error) => {
      this.emit('error', error, undefined);
      this.emit('signedOut');
    });
    this.#link.on('quality', ({ call_id, agent_id, quality }) =>
      this.#roster.handleQuality(call_id, agent_id ?? null, quality),
    );
    this.#link.on('iceServers', (servers) => (this.#iceServers = servers));
    this.#link.on('welcome', ({ agent, ice_servers, resumed, snapshot }) => {
      this.#agent = agent;
      // Before the calls of the snapshot, which make their connections with them. Older servers name none.
      this.#iceServers = ice_servers ?? [];
      this.#numbers = snapshot.numbers;
      this.emit('numbers', snapshot.numbers);
      this.#setPresence(snapshot.presence);
      // Older servers park none.
      this.#setParked(snapshot.parked ?? []);
      const alive = new Set([...snapshot.ringing, ...snapshot.calls].map(({ call }) => call.id));
      const leaving = [...this.#leaving];
      this.#leaving.clear();
      for (const [id, how] of leaving) if (alive.has(id)) this.#leave(id, how);
      this.#roster.handleSnapshot(snapshot, resumed);
    });
    this.#roster.on('incoming', (call) => this.emit('incoming', call));
    this.#roster.on('error', (error, call) => this.emit('error', error, call));
    this.#roster.on('changed', () => this.#handleCalls());
    this.audio.on('settings', () => this.#handleCalls());
    this.audio.on('error', (error) => this.emit('error', error, undefined));
    this.audio.on('inputChanged', () => {
      for (const call of this.calls) void call.handleInputChanged();
    });
  }

  #handleCalls(): void {
    const calls = this.calls;
    this.#ringer.handleCalls(calls);
    this.emit('callsChanged', calls);
  }

  #handleLinkState(state: LinkState): void {
    const before = this.#state;
    if (before === 'destroyed') return;
    if (state.name === 'open') this.#state = 'registered';
    else if (state.name === 'connecting') this.#state = 'registering';
    else if (before === 'registered' || state.name === 'closed') this.#state = 'unregistered';
    if (this.#state !== before && this.#state !== 'unregistered') this.emit(this.#state);
    // While it is tried again, only the loss itself is news.
    if (this.#state === 'unregistered' && (before === 'registered' || state.name === 'closed')) {
      this.emit('unregistered');
    }
    this.emit('connection', state);
  }

  #handleEvent(event: AgentEvent): void {
    switch (event.type) {
      case 'presence.changed':
        return this.#setPresence(event.status);
      case 'contact.changed':
        return this.emit('contact', event.contact_id, event.change);
      case 'permission.changed':
        return this.emit('permission', {
          numberId: event.number_id,
          phone: event.phone,
          status: event.status,
          expiresAt: event.expires_at ?? null,
        });
      case 'call.parked': {
        const others = this.#parked.filter(({ id }) => id !== event.call.id);
        return this.#setParked(event.call.table?.parked_at ? [...others, event.call] : others);
      }
      default:
        return this.#roster.handleEvent(event);
    }
  }

  #setPresence(status: Presence): void {
    if (status === this.#presence) return;
    this.#presence = status;
    this.emit('presence', status);
  }

  #setParked(parked: readonly CallView[]): void {
    if (parked.length === 0 && this.#parked.length === 0) return;
    const since = ({ table }: CallView) => table?.parked_at ?? '';
    const sorted = [...parked];
    sorted.sort((a, b) => since(a).localeCompare(since(b)));
    this.#parked = sorted;
    this.emit('parked', this.#parked);
  }

  #leave(callId: string, how: 'call.hangup' | 'call.decline'): void {
    this.#link.request({ type: how, call_id: callId }).catch((error: unknown) => {
      const known = SoftphoneError.from(error, 'protocol');
      if (known.code === 'not_connected' || known.code === 'connection_lost' || known.code === 'command_timeout') {
        this.#leaving.set(callId, how);
      }
      // Any other refusal means that it is over already, which is what was asked for.
    });
  }
}
