/**
 * Keeps the sound of a bridged call in this page: notices that it is lost, brings it back, and knows when to
 * let it go. The server carries such a call and waits for us, so nothing here ever ends it.
 *
 * A path that broke is first replaced by another of the same leg (ICE restart), which costs one round trip and
 * nothing else. Only if that does not help is there a new leg.
 *
 * Invariant: a page that was replaced by another never takes the sound back by itself more than once, or two
 * pages of one agent would pull at it for ever.
 */

import { Emitter } from '../emitter';
import type { Cancel, Clock } from '../environment';
import { SoftphoneError } from '../errors';

/** Another path is found in a fraction of this, or the old one heals; a customer who hears nothing asks "hello?" after it. */
const RESTART_MS = 2_000;
/** The news that the call is over may come just after its sound; only without them another page has taken it. */
const TAKEN_AFTER_MS = 1_000;
/** A path that is there is found in a fraction of this. */
const CONNECT_DEADLINE_MS = 6_000;
/** Before each try. With the deadlines it stays below the 45 seconds for which the server keeps the call. */
const WAITS_MS = [0, 500, 1_000, 2_000, 4_000];
/** Lost again sooner than this although the server was there all the time: somebody else wants the sound. */
const STEADY_MS = 15_000;

/** The server was not there to be asked; it will be. */
const AWAY = new Set(['not_connected', 'connection_lost']);
/** Asking again would bring the same reply. */
const HOPELESS = new Set(['call_ended', 'unknown_call', 'not_yours', 'other_media', 'insecure_page']);

type Phase = 'steady' | 'restarting' | 'asking' | 'joining' | 'waiting' | 'offline' | 'leaving';

interface AttachmentEvents {
  /** The sound is interrupted. */
  lost: [];
  /** It is back. */
  back: [];
  /** It is not in this page any more; with an error when that is nobody's wish. */
  gone: [SoftphoneError | null];
}

export class Attachment extends Emitter<AttachmentEvents> {
  readonly #clock: Clock;
  /** Offers the server another path for the leg in use. */
  readonly #restart: () => Promise<void>;
  /** Makes one more leg and has the server answer it. */
  readonly #attach: () => Promise<void>;
  #phase: Phase = 'steady';
  #state: RTCPeerConnectionState = 'new';
  /** Whether it was told that the sound is lost. */
  #lost = false;
  /** Whether nothing arrives, whatever the state of the leg. */
  #deaf = false;
  #restartedAt: number | null = null;
  #tries = 0;
  /** Rises when a try is given up; what it still reports is not heard. */
  #era = 0;
  /** When the sound came back, if the server was there ever since. */
  #backAt: number | null = null;
  #cancel: Cancel | null = null;

  constructor(clock: Clock, restart: () => Promise<void>, attach: () => Promise<void>) {
    super();
    this.#clock = clock;
    this.#restart = restart;
    this.#attach = attach;
  }

  /** True while the sound is being brought here. */
  get isBusy(): boolean {
    return this.#phase !== 'steady' && this.#phase !== 'restarting';
  }

  /** Brings the sound here, now. */
  start(): void {
    this.#tries = 0;
    void this.#try();
    this.#tellLost();
  }

  stop(): void {
    this.#era += 1;
    this.#lost = false;
    this.#enter('steady');
  }

  /** Of the leg in use. */
  handleState(state: RTCPeerConnectionState): void {
    this.#state = state;
    // Of the leg before, while the one that replaces it is on its way; or after a goodbye.
    if (this.#phase === 'asking' || this.#phase === 'leaving') return;
    if (state === 'connected') return this.#handleConnected();
    if (state === 'closed') return this.#enter('leaving', TAKEN_AFTER_MS, () => this.#giveUp(null));
    if (this.#phase === 'joining') {
      if (state === 'failed') this.#again();
    } else if (state === 'failed' || state === 'disconnected') {
      this.#handleBroken();
    }
  }

  /** Whether anything arrives on the leg in use; told when that changes. */
  handleHearing(hears: boolean): void {
    this.#deaf = !hears;
    if (this.#deaf) this.#handleBroken();
    else if (this.#phase === 'restarting') this.#handleConnected();
  }

  /** The path in use may be none soon. */
  handleNetwork(): void {
    if (this.#phase !== 'steady') return;
    const now = this.#clock.now();
    if (this.#restartedAt === null || now - this.#restartedAt >= STEADY_MS) void this.#findPath(now);
    // It did not help the last time.
    else if (this.#lost) this.handleLoss();
  }

  /** The leg in use is of no use any more. */
  handleLoss(): void {
    if (this.isBusy) return;
    const soon = this.#backAt !== null && this.#clock.now() - this.#backAt < STEADY_MS;
    if (soon) return this.#giveUp(null);
    this.start();
  }

  /** The connection to the server was lost and is there again. */
  handleWelcome(): void {
    this.#backAt = null;
    if (this.#phase === 'waiting') return void this.#try();
    // Nothing was asked yet: the leg may still be good.
    if (this.#phase === 'offline' || (this.#phase === 'restarting' && this.#lost))
      void this.#findPath(this.#clock.now());
  }

  async #findPath(now: number): Promise<void> {
    this.#restartedAt = now;
    const era = ++this.#era;
    this.#enter('restarting', RESTART_MS, () => {
      // Without a word: the old path was good all the time, or the new one is as good.
      if (this.#state === 'connected' && !this.#deaf) this.#handleConnected();
      else this.handleLoss();
    });
    try {
      await this.#restart();
    } catch (error) {
      const away = AWAY.has(SoftphoneError.from(error, 'negotiation_failed').code);
      // The old path may heal while the server is away.
      if (era === this.#era && this.#lost && !away) this.handleLoss();
    }
  }

  async #try(): Promise<void> {
    const era = ++this.#era;
    this.#enter('asking');
    this.#tries += 1;
    try {
      await this.#attach();
    } catch (error) {
      if (era === this.#era) this.#handleTrouble(SoftphoneError.from(error, 'negotiation_failed'));
      return;
    }
    if (era === this.#era) this.#enter('joining', CONNECT_DEADLINE_MS, () => this.#again());
  }

  #handleConnected(): void {
    if (this.#phase === 'joining') this.#backAt = this.#clock.now();
    else if (this.#phase !== 'restarting') return;
    this.#enter('steady');
    if (!this.#lost) return;
    this.#lost = false;
    this.emit('back');
  }

  #handleBroken(): void {
    if (this.isBusy) return;
    this.#tellLost();
    this.handleNetwork();
  }

  #tellLost(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.emit('lost');
  }

  #handleTrouble(error: SoftphoneError): void {
    if (AWAY.has(error.code)) {
      this.#tries -= 1;
      this.#enter('offline');
    } else if (HOPELESS.has(error.code) || error.code.startsWith('microphone')) {
      this.#giveUp(error);
    } else {
      this.#again();
    }
  }

  #again(): void {
    const wait = WAITS_MS[this.#tries];
    if (wait === undefined) return this.#giveUp(SoftphoneError.of('sound_lost'));
    this.#enter('waiting', wait, () => void this.#try());
  }

  #giveUp(error: SoftphoneError | null): void {
    this.stop();
    this.#backAt = null;
    this.emit('gone', error);
  }

  #enter(phase: Phase, afterMs?: number, run: () => void = () => undefined): void {
    this.#cancel?.();
    this.#phase = phase;
    this.#cancel = afterMs === undefined ? null : this.#clock.after(afterMs, run);
  }
}
