/** The softphone as reactive state: one per signed-in page. Turns events into fields and clicks into commands. */

import {
  SoftphoneError,
  type Call,
  type ConnectionState,
  type Device,
  type ErrorView,
  type NumberView,
  type PermissionStatus,
  type PermissionView,
  type Presence,
  type QualitySample,
  type QualityView,
  type Supervision,
  type WarningName,
} from '@offhook/softphone';
import { engaged, factsOf, ringing, type CallFacts } from './facts';
import { newsOf } from '$words/table';
import { carriedOf, recallCarried, rememberCarried } from './carried';
import { recall, remember } from './choices';
import { House } from './house.svelte';

/** A ring that ended without us. */
export interface Notice {
  readonly id: string;
  readonly kind: 'taken' | 'missed';
  readonly facts: CallFacts;
}

/** Codes about the connection: it heals by itself, and the banner tells of it. */
const CONNECTION = new Set(['ticket_failed', 'signed_out', 'unauthorized', 'protocol', 'idle', 'flood']);

/** Long enough to look up from another window. */
const NOTICE_MS = 20_000;
const MOST_NOTICES = 4;
/** Long enough to be read beside a conversation. */
const NEWS_MS = 8_000;
/** Points of a line, one a second. */
const MOST_SCORES = 48;

const NO_SCORES = { mine: [], theirs: [] };

/** What is unfolded below a conversation's buttons. */
export type Panel = 'keypad' | 'transfer' | 'add' | 'announce';

export class Phone {
  readonly device: Device;

  connection = $state.raw<ConnectionState>({ name: 'closed' });
  /** True once the server has told the state of things for the first time. */
  ready = $state(false);
  presence = $state<Presence>('away');
  numbers = $state.raw<readonly NumberView[]>([]);
  calls = $state.raw<readonly CallFacts[]>([]);
  /** The last conversation, until it is dismissed or another begins. */
  ended = $state.raw<CallFacts | null>(null);
  notices = $state.raw<readonly Notice[]>([]);
  microphoneError = $state.raw<ErrorView | null>(null);
  /** Trouble of a command that is nobody's call. */
  trouble = $state.raw<ErrorView | null>(null);
  /** The browser waits for a click before it makes a sound. */
  locked = $state(false);
  levels = $state.raw({ input: 0, output: 0 });
  sample = $state.raw<QualitySample | null>(null);
  /** How the customer's leg goes at the server. */
  theirs = $state.raw<QualityView | null>(null);
  /** The last opinion scores of both legs, oldest first. */
  scores = $state.raw<{ mine: readonly (number | null)[]; theirs: readonly (number | null)[] }>(NO_SCORES);
  panel = $state<Panel | null>(null);
  /** What has just changed at the conversation, in a sentence. */
  news = $state<string | null>(null);
  warnings = $state.raw<readonly WarningName[]>([]);
  /** By digits of the phone. */
  permissions = $state.raw<Readonly<Record<string, PermissionStatus>>>({});
  /** Rises when the log of calls has something new. */
  logVersion = $state(0);
  /** Rises when microphones or speakers come, go or are chosen. */
  devicesVersion = $state(0);

  /** Colleagues, parked calls and what can be supervised. */
  readonly house: House;

  readonly ringing = $derived(ringing(this.calls));
  readonly engaged = $derived(engaged(this.calls));

  readonly #followed = new WeakSet<Call>();
  /** What this window carried before it was reloaded. */
  readonly #before = recallCarried();
  #carries = false;
  #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(device: Device, onSignedOut: () => void) {
    this.device = device;
    this.house = new House(device);
    this.#listen(onSignedOut);
    void this.#start();
  }

  // ---- what a person does

  /** Takes calls from now on. A refused microphone is told, and does not keep callers from being seen. */
  async goOnline(): Promise<void> {
    void this.device.audio.unlock();
    await Promise.all([this.prepareMicrophone(), this.#setPresence('available')]);
  }

  async goAway(): Promise<void> {
    await this.#setPresence('away');
    this.#letMicrophoneGo();
  }

  async prepareMicrophone(): Promise<void> {
    try {
      await this.device.audio.prepare();
      this.microphoneError = null;
      this.devicesVersion += 1;
    } catch (error) {
      this.#report(error);
    }
  }

  async dial(to: string, fromNumberId?: string): Promise<void> {
    if (this.engaged.length > 0) return;
    void this.device.audio.unlock();
    this.ended = null;
    this.trouble = null;
    try {
      await this.device.connect({ params: { To: to, ...(fromNumberId === undefined ? {} : { From: fromNumberId }) } });
    } catch (error) {
      this.#report(error);
    }
  }

  /** Takes a call; a conversation in this page is ended first, since it carries one at a time. */
  answer(facts: CallFacts): void {
    void this.device.audio.unlock();
    for (const other of this.engaged) if (other.here) other.call.disconnect();
    this.ended = null;
    this.microphoneError = null;
    void facts.call.accept();
  }

  /** Brings the sound of a bridged call to this page. */
  attach({ call }: CallFacts, muted = call.isMuted()): void {
    void this.device.audio.unlock();
    this.trouble = null;
    call.mute(muted);
    call.attach();
  }

  toggleHold({ call }: CallFacts): void {
    this.trouble = null;
    void call.hold(!call.isHeld());
  }

  /** Asks for something at a conversation; a refusal is told. Resolves to whether it was done. */
  async arrange(wish: () => Promise<unknown>): Promise<boolean> {
    this.trouble = null;
    try {
      await wish();
      return true;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  unfold(panel: Panel): void {
    this.panel = this.panel === panel ? null : panel;
  }

  /** Comes to a call that goes on already, which takes the place of the last one. */
  async retrieve(callId: string): Promise<void> {
    await this.#come(() => this.device.retrieve(callId));
  }

  async supervise(callId: string, how: Supervision): Promise<void> {
    await this.#come(() => this.device.supervise(callId, how));
  }

  async takeOver(callId: string): Promise<void> {
    await this.#come(() => this.device.takeOver(callId));
  }

  async askPermission(phone: string, numberId: string | null): Promise<void> {
    const key = keyOf(phone);
    try {
      await this.device.requestPermission(phone, numberId ?? undefined);
      // A quick reply may have overtaken the confirmation.
      const { [key]: status, ...others } = this.permissions;
      const answered = status === 'granted' || status === 'refused';
      this.permissions = { ...others, [key]: answered ? status : 'requested' };
    } catch (error) {
      this.#report(error);
    }
  }

  /** What is known of a person's consent; null when that cannot be said now, which keeps nobody from trying. */
  async readPermission(phone: string, numberId: string | null): Promise<PermissionView | null> {
    return this.device.readPermission(phone, numberId ?? undefined).catch(() => null);
  }

  permissionOf(phone: string): PermissionStatus | null {
    return this.permissions[keyOf(phone)] ?? null;
  }

  dismissNotice(id: string): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
  }

  async chooseMicrophone(deviceId: string): Promise<void> {
    try {
      await this.device.audio.setInputDevice(deviceId);
    } catch (error) {
      this.#report(error);
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.house.stop();
    this.device.destroy();
  }

  // ---- what the softphone says

  async #start(): Promise<void> {
    const { audio } = this.device;
    const { input, speaker, ringer } = recall();
    audio.speakerDevices.set(speaker);
    audio.ringtoneDevices.set(ringer);
    await audio.setInputDevice(input);
    this.locked = audio.isLocked;
    // Refused here only when signed out, which has its own event.
    await this.device.register().catch(() => undefined);
    const interrupted = this.calls.find(({ id, canAttach }) => canAttach && id === this.#before?.id);
    if (this.presence !== 'available' && interrupted === undefined) return;
    // After a reload nobody clicks "Go online" again: open the microphone where no question would be asked.
    if (!(await microphoneIsAllowed())) return;
    if (interrupted !== undefined) this.attach(interrupted, this.#before?.muted);
    if (this.presence === 'available') await this.prepareMicrophone();
  }

  #listen(onSignedOut: () => void): void {
    const { device } = this;
    device.on('connection', (state) => (this.connection = state));
    device.on('registered', () => {
      this.ready = true;
      if (this.trouble?.code === 'forbidden') this.trouble = null;
      this.logVersion += 1;
    });
    device.on('signedOut', onSignedOut);
    device.on('presence', (presence) => (this.presence = presence));
    device.on('numbers', (numbers) => (this.numbers = numbers));
    device.on('permission', ({ phone, status }) => {
      this.permissions = { ...this.permissions, [keyOf(phone)]: status };
    });
    device.on('callsChanged', (calls) => {
      for (const call of calls) this.#follow(call);
      this.calls = calls.map(factsOf);
      this.#remember();
    });
    device.on('error', (error, call) => {
      if (call === undefined && CONNECTION.has(error.code)) return;
      // A call that failed tells why by itself; only the microphone is everybody's matter.
      const goesOn = call?.status() === 'pending' || (call?.view?.media === 'bridge' && call.status() !== 'closed');
      if (call === undefined || error.code.startsWith('microphone') || goesOn) this.#report(error);
    });
    device.audio.on('lock', (locked) => (this.locked = locked));
    device.audio.on('deviceChange', () => (this.devicesVersion += 1));
    device.audio.on('settings', () => {
      this.devicesVersion += 1;
      const { audio } = device;
      remember({ input: audio.inputDevice, speaker: audio.speakerDevices.get(), ringer: audio.ringtoneDevices.get() });
    });
  }

  #follow(call: Call): void {
    if (this.#followed.has(call)) return;
    this.#followed.add(call);
    this.logVersion += 1;
    call.on('accept', () => {
      this.microphoneError = null;
      this.logVersion += 1;
      this.#clearQuality();
    });
    call.on('reconnecting', () => this.#clearQuality());
    call.on('reconnected', () => (this.microphoneError = null));
    call.on('volume', (input, output) => (this.levels = { input, output }));
    call.on('sample', (sample) => {
      this.sample = sample;
      // Both lines get a point at a time, though the server speaks less often.
      const { mine, theirs } = this.scores;
      this.scores = {
        mine: [...mine, sample.mos].slice(-MOST_SCORES),
        theirs: [...theirs, this.theirs?.mos ?? null].slice(-MOST_SCORES),
      };
    });
    call.on('quality', (agentId, quality) => {
      if (agentId === null) this.theirs = quality;
    });
    call.on('arranged', (now, before) => this.#tellNews(newsOf(now, before, this.device.identity?.id ?? null)));
    call.on('warning', (name) => (this.warnings = [...this.warnings, name]));
    call.on('warning-cleared', (name) => (this.warnings = this.warnings.filter((other) => other !== name)));
    call.on('disconnect', () => {
      this.ended = factsOf(call);
      this.panel = null;
      this.news = null;
      this.#clearQuality();
      this.#letMicrophoneGo();
    });
    call.on('cancel', () => this.#notice(call));
    call.on('changed', () => {
      if (call.status() !== 'closed') return;
      // The server's reason comes after ours.
      if (this.ended?.call === call) this.ended = factsOf(call);
      this.notices = this.notices.map((notice) =>
        notice.facts.call === call ? { ...notice, kind: kindOf(call), facts: factsOf(call) } : notice,
      );
      this.logVersion += 1;
    });
  }

  #tellNews(news: string | null): void {
    if (news === null) return;
    this.news = news;
    this.#timers.push(setTimeout(() => (this.news = this.news === news ? null : this.news), NEWS_MS));
  }

  async #come(how: () => Promise<Call>): Promise<void> {
    void this.device.audio.unlock();
    this.ended = null;
    await this.arrange(how);
  }

  #notice(call: Call): void {
    // A colleague who changed their mind is no missed call.
    if (call.invitation !== null && call.endReason === 'failed') return;
    const notice = { id: call.id, kind: kindOf(call), facts: factsOf(call) };
    this.notices = [notice, ...this.notices.filter(({ id }) => id !== call.id)].slice(0, MOST_NOTICES);
    this.logVersion += 1;
    this.#timers.push(setTimeout(() => this.dismissNotice(call.id), NOTICE_MS));
  }

  #clearQuality(): void {
    this.sample = null;
    this.theirs = null;
    this.scores = NO_SCORES;
    this.warnings = [];
    this.levels = { input: 0, output: 0 };
  }

  /** The next page of this window takes up what this one carries. */
  #remember(): void {
    const carried = carriedOf(this.calls);
    if (carried !== null || this.#carries) rememberCarried(carried);
    if (carried === null && this.#carries) this.#letMicrophoneGo();
    this.#carries = carried !== null;
  }

  /** Someone who is away wants no recording sign in the browser after the call, or when its sound is elsewhere. */
  #letMicrophoneGo(): void {
    const used = this.calls.some(({ status, here }) => here && status !== 'pending' && status !== 'closed');
    if (this.presence === 'away' && !used) this.device.audio.release();
  }

  async #setPresence(presence: Presence): Promise<void> {
    try {
      await this.device.setPresence(presence);
      this.trouble = null;
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    const known = SoftphoneError.from(error, 'protocol');
    const view = { code: known.code, message: known.message, remedy: known.remedy };
    if (known.code.startsWith('microphone') || known.code === 'insecure_page') this.microphoneError = view;
    else this.trouble = view;
  }
}

function kindOf(call: Call): Notice['kind'] {
  return call.answeredBy === null && call.endReason !== 'answered_elsewhere' ? 'missed' : 'taken';
}

function keyOf(phone: string): string {
  return phone.replace(/\D/g, '');
}

async function microphoneIsAllowed(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: 'microphone' })).state === 'granted';
  } catch {
    // A browser that cannot say is a browser that would ask.
    return false;
  }
}
