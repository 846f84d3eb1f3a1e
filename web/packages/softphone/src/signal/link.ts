/**
 * The conversation with the server: one WebSocket at a time, its ticket, hello, heartbeat, commands with
 * exactly one reply, resume and reconnect. Knows nothing of calls.
 *
 * Invariant: after `open()` the link is connected, connecting or waiting to connect until `close()`, or
 * until the ticket says that the person is signed out.
 */

import { Emitter } from '../emitter';
import type { Cancel, Environment, Socket } from '../environment';
import { SoftphoneError } from '../errors';
import type { AgentEvent, CallView, ClientMessage, ColleagueView, IceServer, ServerMessage } from '../protocol';
import { readFrame } from './frame';
import type { ReconnectPolicy } from './reconnect';

const SUBPROTOCOL = 'offhook.v1';

/** Close codes of the protocol (docs/protocol/offhook-v1.md). */
const CLOSE_UNAUTHORIZED = 4401;
const CLOSE_GONE_QUIET = 4408;
const CLOSE_NORMAL = 1000;

/** Longer, and a dead path goes unnoticed while a customer waits; shorter, and a slow mobile link never connects. */
const WELCOME_DEADLINE_MS = 10_000;
const PONG_DEADLINE_MS = 10_000;
/** When something else says that the network is gone, a slow link gets less time to prove that it is not. */
const PROBE_DEADLINE_MS = 3_000;
/** Dialing waits for WhatsApp's own reply, which may take the server's whole deadline. */
const COMMAND_DEADLINE_MS = 30_000;
/** A page that has this many unanswered commands is looping. */
const MOST_PENDING = 64;
/** A connection that lives this long counts as good, so that the next drop is retried quickly. */
const STEADY_MS = 5_000;

type Welcome = Extract<ServerMessage, { type: 'welcome' }>;
type Quality = Extract<ServerMessage, { type: 'call.quality' }>;
type WithoutId<Message> = Message extends { id: string } ? Omit<Message, 'id'> : never;
/** A client message that asks for something and gets one ack or one error. */
export type Command = Exclude<WithoutId<ClientMessage>, { type: 'ping' }>;

export type LinkState =
  | { name: 'closed' }
  | { name: 'connecting'; attempt: number }
  | { name: 'open' }
  | { name: 'waiting'; attempt: number; retryAt: number };

interface LinkEvents {
  state: [LinkState];
  welcome: [Welcome];
  /** Fresh credentials in place of those of the welcome. */
  iceServers: [readonly IceServer[]];
  event: [AgentEvent];
  quality: [Quality];
  /** The ticket was refused for good: the person must sign in. */
  signedOut: [SoftphoneError];
  error: [SoftphoneError];
}

export interface LinkOptions {
  readonly url: string;
  readonly deviceId: string;
  readonly tokenProvider: () => Promise<string>;
  readonly environment: Environment;
  readonly reconnect: ReconnectPolicy;
}

type Timer = 'welcome' | 'steady' | 'beat' | 'pong' | 'goaway' | 'retry';

/** What the server said yes with. */
export interface Reply {
  /** The call the command made or changed, if any. */
  readonly call: CallView | null;
  /** The server's answer to the offer of a bridged call. */
  readonly answer: string | null;
  readonly colleagues: readonly ColleagueView[];
  /** Conversations that can be supervised. */
  readonly live: readonly CallView[];
}

const NOTHING: Reply = { call: null, answer: null, colleagues: [], live: [] };

interface Pending {
  resolve(reply: Reply): void;
  reject(error: SoftphoneError): void;
  cancel: Cancel;
}

export class SignalLink extends Emitter<LinkEvents> {
  readonly #options: LinkOptions;
  #state: LinkState = { name: 'closed' };
  #socket: Socket | null = null;
  /** Rises with every try; what an older try still reports is not heard. */
  #era = 0;
  #attempt = 0;
  #lastSeq: number | undefined;
  #nextId = 1;
  readonly #pending = new Map<string, Pending>();
  /** What the server asked for in `goaway`, already with chance. */
  #comeBackAfter: number | null = null;
  readonly #timers = new Map<Timer, Cancel>();

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
    options.environment.onNetwork(() => {
      this.retryNow();
      this.probe();
    });
  }

  get state(): LinkState {
    return this.#state;
  }

  open(): void {
    if (this.#state.name !== 'closed') return;
    this.#attempt = 0;
    void this.#connect();
  }

  close(): void {
    this.#drop(SoftphoneError.of('not_connected'), CLOSE_NORMAL);
    this.#lastSeq = undefined;
    this.#setState({ name: 'closed' });
  }

  /** Cuts a wait short: the network is back, or the person asks. */
  retryNow(): void {
    if (this.#state.name !== 'waiting') return;
    this.#cancelTimers();
    void this.#connect();
  }

  /** Finds out now whether the path to the server is alive. */
  probe(): void {
    if (this.#state.name === 'open') this.#ping(PROBE_DEADLINE_MS);
  }

  /** Sends a command. Rejects with the server's error. */
  request(command: Command): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      if (this.#state.name !== 'open' || socket === null) return reject(SoftphoneError.of('not_connected'));
      if (this.#pending.size >= MOST_PENDING) return reject(SoftphoneError.of('too_many_commands'));
      const id = String(this.#nextId++);
      const cancel = this.#clock.after(COMMAND_DEADLINE_MS, () => {
        this.#pending.delete(id);
        reject(SoftphoneError.of('command_timeout'));
      });
      this.#pending.set(id, { resolve, reject, cancel });
      socket.send(JSON.stringify({ ...command, id }));
    });
  }

  handleMessage(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        return this.#handleWelcome(message);
      case 'ack':
        return this.#settle(message.id)?.resolve({
          ...NOTHING,
          call: message.call ?? null,
          answer: message.sdp_answer ?? null,
        });
      case 'colleagues':
        return this.#settle(message.id)?.resolve({ ...NOTHING, ...message });
      case 'call.quality':
        return this.emit('quality', message);
      case 'error':
        if (message.id === undefined) return this.emit('error', new SoftphoneError(message.error));
        return this.#settle(message.id)?.reject(new SoftphoneError(message.error));
      case 'event':
        // A server that replays too much must not make a call ring twice.
        if (this.#lastSeq !== undefined && message.seq <= this.#lastSeq) return;
        this.#lastSeq = message.seq;
        return this.emit('event', message.event);
      case 'pong':
        return this.#cancel('pong');
      case 'ice_servers':
        return this.emit('iceServers', message.ice_servers);
      case 'goaway':
        this.#comeBackAfter = message.reconnect_after_ms + this.#options.environment.random() * 1_000;
        this.#later('goaway', PONG_DEADLINE_MS, () => this.#retry(CLOSE_NORMAL));
    }
  }

  async #connect(): Promise<void> {
    const era = ++this.#era;
    const { environment, tokenProvider, url, deviceId } = this.#options;
    this.#attempt += 1;
    this.#setState({ name: 'connecting', attempt: this.#attempt });
    this.#later('welcome', WELCOME_DEADLINE_MS, () => this.#retry(CLOSE_GONE_QUIET));
    let token: string;
    try {
      token = await tokenProvider();
    } catch (error) {
      if (era === this.#era) this.#handleTicketError(error);
      return;
    }
    if (era !== this.#era) return;
    const socket = environment.openSocket(url, SUBPROTOCOL, {
      opened: () => {
        if (era !== this.#era) return;
        const resume = this.#lastSeq === undefined ? {} : { resume_after: this.#lastSeq };
        const hello: ClientMessage = { type: 'hello', token, device_id: deviceId, ...resume };
        socket.send(JSON.stringify(hello));
      },
      message: (text) => {
        const message = era === this.#era ? readFrame(text) : null;
        if (message !== null) this.handleMessage(message);
      },
      closed: (code) => {
        if (era === this.#era) this.#handleClosed(code);
      },
    });
    this.#socket = socket;
  }

  #handleWelcome(welcome: Welcome): void {
    this.#cancelTimers();
    // Resumed: the missed events follow and carry their own numbers. Otherwise the snapshot is the start.
    if (!welcome.resumed) this.#lastSeq = welcome.seq;
    this.#later('steady', STEADY_MS, () => (this.#attempt = 0));
    this.#beat(welcome.heartbeat_ms);
    this.#state = { name: 'open' };
    this.emit('welcome', welcome);
    this.emit('state', this.#state);
  }

  #handleTicketError(error: unknown): void {
    const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
    if (status !== 401) {
      this.emit('error', SoftphoneError.of(status === 403 ? 'forbidden' : 'ticket_failed', error));
      return this.#retry();
    }
    const signedOut = SoftphoneError.of('signed_out', error);
    this.#drop(signedOut, CLOSE_NORMAL);
    this.#setState({ name: 'closed' });
    this.emit('signedOut', signedOut);
  }

  #handleClosed(code: number): void {
    this.#socket = null;
    // A stale ticket is nobody's fault the first time: fetch another at once.
    if (code === CLOSE_UNAUTHORIZED && this.#attempt <= 1) this.#comeBackAfter ??= 0;
    this.#retry();
  }

  /** Ends what is left of a connection and comes back. */
  #retry(closeCode = CLOSE_NORMAL): void {
    this.#drop(SoftphoneError.of('connection_lost'), closeCode);
    const asked = this.#comeBackAfter;
    this.#comeBackAfter = null;
    const delay = asked ?? this.#options.reconnect.nextDelay(Math.max(1, this.#attempt));
    if (delay === null) return this.#setState({ name: 'closed' });
    this.#later('retry', delay, () => void this.#connect());
    this.#setState({ name: 'waiting', attempt: this.#attempt, retryAt: this.#clock.now() + delay });
  }

  #beat(everyMs: number): void {
    this.#later('beat', everyMs, () => {
      this.#ping(PONG_DEADLINE_MS);
      this.#beat(everyMs);
    });
  }

  #ping(deadlineMs: number): void {
    if (!this.#timers.has('pong')) this.#later('pong', deadlineMs, () => this.#retry(CLOSE_GONE_QUIET));
    this.#socket?.send(JSON.stringify({ type: 'ping', id: `p${this.#nextId++}` } satisfies ClientMessage));
  }

  #settle(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancel();
    return pending;
  }

  #drop(reason: SoftphoneError, closeCode: number): void {
    this.#era += 1;
    this.#cancelTimers();
    this.#socket?.close(closeCode, '');
    this.#socket = null;
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(reason);
  }

  #later(timer: Timer, ms: number, run: () => void): void {
    this.#cancel(timer);
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.set(timer, cancel);
  }

  #cancel(timer: Timer): void {
    this.#timers.get(timer)?.();
    this.#timers.delete(timer);
  }

  #cancelTimers(): void {
    for (const timer of [...this.#timers.keys()]) this.#cancel(timer);
  }

  #setState(state: LinkState): void {
    this.#state = state;
    this.emit('state', state);
  }

  get #clock() {
    return this.#options.environment.clock;
  }
}
