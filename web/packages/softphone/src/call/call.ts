/**
 * One call as a page holds it: Twilio's names over our protocol.
 *
 * The server owns the truth; `handle…` methods bring it in. The call owns its sound: it sends nothing and
 * lets nothing be heard before the server says `connected`. A relayed call dies with its sound; a bridged one
 * lives at the server, its sound comes and goes (`attachment.ts`), and things can be arranged at it
 * (`arranged.ts`). This file stays whole because accept, connect, attach and end share the same few fields and
 * the order in which they change is the point.
 */

import type { DeviceAudio } from '../audio/device-audio';
import { GOODBYE } from '../audio/tones';
import type { Environment } from '../environment';
import { SoftphoneError } from '../errors';
import { MediaLeg } from '../media/leg';
import type {
  AgentRef,
  CallView,
  ErrorView,
  LeftReason,
  PartyRole,
  QualityView,
  SeekPurpose,
  SilencedReason,
  TableView,
  Wish,
} from '../protocol';
import type { QualitySample } from '../quality/sample';
import type { WarningName } from '../quality/warnings';
import type { Command, Reply } from '../signal/link';
import { Arranged } from './arranged';
import { Attachment } from './attachment';
import { CallSound } from './sound';
import { isOver, mayFollow, roleOf, statusOf, type CallStatus } from './phase';

export type CallEvents = {
  /** Both sides can talk. */
  accept: [Call];
  /** A call that was ours is over. */
  disconnect: [Call];
  /** It stopped ringing here: the caller gave up, nobody took it, or somebody else did (`answeredBy`). */
  cancel: [Call];
  /** We declined it. */
  reject: [Call];
  /** The called side rings. */
  ringing: [hasEarlyMedia: boolean];
  mute: [muted: boolean, Call];
  /** The customer waits with music, or does not any more. Not in Twilio's SDK. */
  hold: [held: boolean, Call];
  /** Something is arranged otherwise at a bridged conversation: who is in it, looked for, muted; what plays, is recorded. */
  arranged: [now: TableView | null, before: TableView | null, Call];
  /** The customer pressed a key. */
  digit: [digit: string, Call];
  /** How the leg of somebody goes at the server; `agentId` is null for the customer's. */
  quality: [agentId: string | null, QualityView];
  /** The call goes on, without this agent. `disconnect` comes before it: for this page it is over. */
  left: [reason: LeftReason, Call];
  error: [SoftphoneError, Call];
  volume: [input: number, output: number];
  sample: [QualitySample];
  warning: [name: WarningName, data: { value: number }];
  'warning-cleared': [name: WarningName, data: { value: number }];
  reconnecting: [SoftphoneError];
  reconnected: [];
  /** Anything a page shows may have changed. Not in Twilio's SDK. */
  changed: [Call];
};

/** What a call needs from its device. */
export interface CallHost {
  readonly environment: Environment;
  readonly audio: DeviceAudio;
  /** For a connection made now: TURN credentials expire. */
  readonly rtcConfiguration: RTCConfiguration;
  readonly agent: AgentRef | null;
  readonly agentId: string | null;
  request(command: Command): Promise<Reply>;
  /** Finds out whether the server can still be reached. */
  probe(): void;
  /** Tells the server now, or as soon as it is back, that we leave this call. */
  leave(callId: string, how: 'call.hangup' | 'call.decline'): void;
}

/** More keys than anybody reads back. */
const MOST_DIGITS = 64;

/** Refusals of an answer that mean the ringing is over, not that it can be tried again. */
const GONE = new Set(['answered_elsewhere', 'call_ended', 'not_ringing', 'unknown_call', 'call_not_found']);

type Origin =
  /** A bridged call comes without an offer: the page makes one. */
  | { kind: 'incoming'; offer: string | undefined }
  | { kind: 'outgoing'; to: string; from: string | undefined; bridged: boolean }
  /** A conversation that goes on already: parked, or supervised. Who only listens needs no microphone. */
  | { kind: 'joining'; ask: (sdp: string) => Command; listens: boolean }
  /** Ours, but its sound began in another tab or in this page before a reload. */
  | { kind: 'elsewhere' };

/** What a call that rings in the middle of a conversation is about. */
export interface Invitation {
  readonly purpose: SeekPurpose;
  /** Who asks; null when the call has nobody now. */
  readonly by: AgentRef | null;
}

export class Call extends Arranged<CallEvents> {
  readonly #host: CallHost;
  readonly #origin: Origin;
  #view: CallView | null;
  #status: CallStatus;
  #sound: CallSound | null = null;
  #soundIs: 'here' | 'elsewhere';
  readonly #attachment: Attachment;
  /** Our description, made while it rings, so that the click only has to send it. */
  #ready: { leg: MediaLeg; sdp: Promise<string> } | null = null;
  /** Whether anything arrived in the last second. */
  #hears = false;
  #muted = false;
  #holding = false;
  #ignored = false;
  #remoteAnswered = false;
  #openedAt: number | null = null;
  #closedAt: number | null = null;
  /** Why the ringing stopped while our answer was on its way. */
  #silenced: { reason: SilencedReason; by: AgentRef | undefined } | null = null;
  /** An answer the server may not have heard: sent again when it still rings after a reconnect. */
  #unheardAnswer: string | null = null;
  #answeredBy: AgentRef | null = null;
  #endReason: string | null = null;
  #error: ErrorView | null = null;
  #leftBecause: LeftReason | null = null;
  #digits = '';
  readonly #qualities = new Map<string | null, QualityView>();
  readonly #invitation: Invitation | null;
  readonly #localId: string;

  private constructor(host: CallHost, origin: Origin, view: CallView | null, status: CallStatus, id?: string) {
    super();
    const sought = origin.kind === 'incoming' ? view?.table?.seeking : null;
    this.#invitation = sought ? { purpose: sought.purpose, by: view?.agent ?? null } : null;
    this.#host = host;
    this.#origin = origin;
    this.#view = view;
    this.#status = status;
    this.#soundIs = origin.kind === 'elsewhere' ? 'elsewhere' : 'here';
    this.#localId = id ?? host.environment.uuid();
    this.#attachment = new Attachment(
      host.environment.clock,
      () => this.#restart(),
      () => this.#attach(),
    );
    this.#attachment.on('lost', () => this.#handleLost());
    this.#attachment.on('back', () => this.#handleBack());
    this.#attachment.on('gone', (error) => this.#handleGone(error));
  }

  /** @internal */
  static incoming(host: CallHost, view: CallView, offer: string | undefined): Call {
    const call = new Call(host, { kind: 'incoming', offer }, view, 'pending');
    call.#makeReady();
    return call;
  }

  /** @internal */
  static outgoing(host: CallHost, to: string, from: string | undefined, bridged: boolean): Call {
    return new Call(host, { kind: 'outgoing', to, from, bridged }, null, 'connecting');
  }

  /** @internal */
  static joining(host: CallHost, id: string, ask: (sdp: string) => Command, listens: boolean): Call {
    return new Call(host, { kind: 'joining', ask, listens }, null, 'connecting', id);
  }

  /** @internal */
  static elsewhere(host: CallHost, view: CallView): Call {
    return new Call(host, { kind: 'elsewhere' }, view, statusOf(view));
  }

  // ---- commands

  /** Takes a ringing call. Trouble arrives as `error`, and the call keeps ringing so that it can be tried again. */
  async accept(): Promise<void> {
    if (this.#origin.kind !== 'incoming' || this.#status !== 'pending') return;
    this.#setStatus('connecting');
    try {
      const sound = await this.#openSound(this.#ready?.leg);
      const ready = this.#ready;
      this.#ready = null;
      if (sound === null) return;
      await (ready?.sdp ?? this.#describe(sound.leg));
      if (!this.#isClosed()) await this.#sendAnswer(sound.leg.handOut());
    } catch (error) {
      this.#backToRinging(SoftphoneError.from(error, 'negotiation_failed'));
    }
  }

  /** Stops the ringing here for good and lets others answer. */
  reject(): void {
    if (this.#origin.kind !== 'incoming' || this.#status !== 'pending') return;
    this.#host.leave(this.id, 'call.decline');
    this.#end('declined', 'reject');
  }

  /** Stops the sound of ringing, nothing else. */
  ignore(): void {
    if (this.#status !== 'pending') return;
    this.#ignored = true;
    this.emit('changed', this);
  }

  /** Hangs up, gives up dialing, or declines. Whoever does not own a conversation only leaves it. */
  disconnect(): void {
    if (this.#status === 'pending' && this.#origin.kind === 'incoming') return this.reject();
    if (this.#status === 'closed') return;
    // Without a view the reply is still on its way; `#place` and `join` hang up when it comes.
    if (this.#view !== null) this.#host.leave(this.id, 'call.hangup');
    this.#end('local_hangup', 'disconnect');
  }

  mute(muted = true): void {
    if (this.#muted === muted) return;
    this.#muted = muted;
    this.#sound?.mute(muted);
    this.emit('mute', muted, this);
    this.emit('changed', this);
  }

  /** Lets the customer wait with music, or goes on. Trouble arrives as `error`. */
  async hold(held = true): Promise<void> {
    if (!this.canHold || this.#holding || this.isHeld() === held) return;
    this.#holding = true;
    try {
      await this.ask({ type: held ? 'call.hold' : 'call.resume', call_id: this.id });
    } catch (error) {
      this.#report(SoftphoneError.from(error, 'protocol'));
    } finally {
      this.#holding = false;
    }
  }

  /** Goes on with a conversation on hold. */
  resume(): Promise<void> {
    return this.hold(false);
  }

  /** Leaves a bridged conversation, which goes on. The owner hands it to somebody who talks with the customer too. */
  leave(): Promise<void> {
    return this.ask({ type: 'call.leave', call_id: this.id });
  }

  /**
   * Brings the sound of a bridged call to this page, from wherever it was. It is tried a few times; trouble
   * arrives as `error`, and it can be asked for again.
   */
  attach(): void {
    if (this.canAttach) this.#attachment.start();
  }

  // ---- queries

  /** The server's id; a local one until the server has given it. */
  get id(): string {
    return this.#view?.id ?? this.#localId;
  }

  status(): CallStatus {
    return this.#status;
  }

  get direction(): 'INCOMING' | 'OUTGOING' {
    const outgoing = this.#view === null ? this.#origin.kind === 'outgoing' : this.#view.direction === 'outbound';
    return outgoing ? 'OUTGOING' : 'INCOMING';
  }

  /** Twilio's names for who calls whom. */
  get parameters(): { CallSid: string; From: string; To: string; CallerName: string } {
    const peer = this.#view?.peer.phone ?? (this.#origin.kind === 'outgoing' ? this.#origin.to : '');
    const number = this.#view?.number.phone ?? '';
    const [From, To] = this.direction === 'INCOMING' ? [peer, number] : [number, peer];
    return { CallSid: this.id, From, To, CallerName: this.#view?.peer.name ?? '' };
  }

  /** The contact the customer is, to be read over REST; null while the server has not said. */
  get contactId(): string | null {
    return this.#view?.peer.contact_id ?? null;
  }

  /** Everything the server has said; null while an outgoing call waits for its first reply. */
  get view(): CallView | null {
    return this.#view;
  }

  /** `elsewhere`: the call is ours but its sound is not in this page; one can hang up, and `attach` if it `canAttach`. */
  get soundIs(): 'here' | 'elsewhere' {
    return this.#soundIs;
  }

  /** True when the sound is not here and could be. */
  get canAttach(): boolean {
    const live = this.#isBridged() && this.#status !== 'closed' && this.#view?.state !== 'ending';
    return live && this.#soundIs === 'elsewhere' && !this.#attachment.isBusy;
  }

  /** True in a conversation of this agent's whose sound the server carries. */
  get canHold(): boolean {
    return this.#isBridged() && this.role === 'owner' && this.#view?.state === 'connected' && this.#status !== 'closed';
  }

  /** What is arranged at a bridged conversation; null before and after it. */
  get table(): TableView | null {
    return this.#view?.table ?? null;
  }

  /** What this agent is to the call; null while they are not in it. Only the owner arranges things. */
  get role(): 'owner' | PartyRole | null {
    return roleOf(this.#view, this.#host.agentId);
  }

  /** What it is about when it rings in the middle of a conversation; null for callers. */
  get invitation(): Invitation | null {
    return this.#invitation;
  }

  /** The keys the customer has pressed while this page was there. */
  get digits(): string {
    return this.#digits;
  }

  /** How a leg goes, as the server last said; the customer's without an id. Null until it has. */
  qualityOf(agentId: string | null = null): QualityView | null {
    return this.#qualities.get(agentId) ?? null;
  }

  /** Why this agent is not in the call any more, which goes on. */
  get leftBecause(): LeftReason | null {
    return this.#leftBecause;
  }

  /** True while the customer waits with music. */
  isHeld(): boolean {
    return this.#view?.held ?? false;
  }

  isMuted(): boolean {
    return this.#muted;
  }

  /** True after `ignore()`. */
  get isIgnored(): boolean {
    return this.#ignored;
  }

  /** Who took a call that rang here too. */
  get answeredBy(): AgentRef | null {
    return this.#answeredBy;
  }

  /** Why it is over: the server's word once known, ours until then. */
  get endReason(): string | null {
    return this.#view?.end_reason ?? this.#endReason;
  }

  /** What went wrong, when something did. */
  get error(): ErrorView | null {
    return this.#view?.error ?? this.#error;
  }

  /** Milliseconds of talking so far, by this machine's clock. */
  get talkedMs(): number {
    if (this.#openedAt === null) return 0;
    return Math.max(0, (this.#closedAt ?? this.#host.environment.clock.now()) - this.#openedAt);
  }

  getLocalStream(): MediaStream | null {
    return this.#sound?.localStream ?? null;
  }

  /** What WhatsApp sends; silent until the call is open. */
  getRemoteStream(): MediaStream | null {
    return this.#sound?.leg.remoteStream ?? null;
  }

  // ---- what the device brings in

  /**
   * Dials; false when it was given up before anything was sent. Rejects when the microphone or the browser
   * refuses. @internal
   */
  async place(): Promise<boolean> {
    if (this.#origin.kind !== 'outgoing') return false;
    try {
      const { to, from, bridged } = this.#origin;
      const sound = await this.#openSound();
      const sdp = await sound?.leg.offer(bridged);
      if (sound === null || sdp === undefined || this.#isClosed()) return false;
      void this.#place(to, from, sdp, bridged ? sound.leg : null);
      return true;
    } catch (error) {
      this.#closeSound();
      this.#status = 'closed';
      throw SoftphoneError.from(error, 'negotiation_failed');
    }
  }

  /** Comes to a conversation. Rejects when that cannot be. @internal */
  async join(): Promise<void> {
    if (this.#origin.kind !== 'joining') return;
    try {
      const sound = await this.#openSound();
      const sdp = await sound?.leg.offer(true);
      if (sdp === undefined || this.#isClosed()) return;
      const { call, answer } = await this.#host.request(this.#origin.ask(sdp));
      if (this.#isClosed()) return this.#host.leave(this.id, 'call.hangup');
      if (answer !== null) this.#takeAnswer(answer);
      if (call !== null) this.handleView(call);
    } catch (error) {
      // Should the server have done it after all, the next snapshot brings the call, and it can be attached to.
      this.#closeSound();
      this.#status = 'closed';
      throw SoftphoneError.from(error, 'negotiation_failed');
    }
  }

  /** Sends a command about this call, and takes what came of it. @internal */
  async ask(command: Command): Promise<void> {
    const { call } = await this.#host.request(command);
    if (call !== null) this.handleView(call);
  }

  /** Somebody who listened is to be heard: opens the microphone. Rejects when it is refused. @internal */
  async speak(): Promise<void> {
    await this.#sound?.speak();
  }

  protected override arrange(wish: Wish): Promise<void> {
    return this.ask({ type: 'call.arrange', call_id: this.id, wish });
  }

  /** It rings here, or still does. @internal */
  handleRinging(view: CallView): void {
    this.handleView(view);
    const answer = this.#unheardAnswer;
    if (answer !== null && this.#status === 'connecting') {
      this.#sendAnswer(answer).catch((error: unknown) =>
        this.#backToRinging(SoftphoneError.from(error, 'negotiation_failed')),
      );
    }
  }

  /** @internal */
  handleView(view: CallView): void {
    if (!mayFollow(this.#view, view)) return;
    const held = this.isHeld();
    const before = this.table;
    this.#view = view;
    if (this.#status !== 'closed') {
      if (this.isHeld() !== held) this.emit('hold', !held, this);
      if (JSON.stringify(this.table) !== JSON.stringify(before)) this.emit('arranged', this.table, before, this);
    }
    if (this.#status === 'closed') {
      // Too late to act, not too late to learn why it ended.
      this.emit('changed', this);
    } else if (isOver(view.state)) {
      this.#end(view.end_reason ?? view.state, this.#status === 'pending' ? 'cancel' : 'disconnect');
    } else if (this.#status === 'pending' && this.#isTaken(view)) {
      this.#answeredBy = this.role === null ? view.agent : this.#host.agent;
      this.#end('answered_elsewhere', 'cancel');
    } else if (this.#soundIs === 'elsewhere') {
      this.#follow(view);
    } else {
      this.#advance(view);
    }
  }

  /** @internal */
  handleSilenced(reason: SilencedReason, by: AgentRef | undefined): void {
    if (this.#status === 'closed') {
      // The refusal of our answer was quicker than the news of who was first.
      this.#answeredBy ??= by ?? null;
      this.emit('changed', this);
      return;
    }
    // Told to every tab of the agent who takes it, this one included.
    if (reason === 'answered_elsewhere' && this.#status !== 'pending' && by?.id === this.#host.agentId) {
      // If it was another tab after all, our answer is refused and this is why.
      this.#silenced = { reason, by };
      return;
    }
    this.#answeredBy = by ?? null;
    this.#end(reason, 'cancel');
  }

  /** The call goes on without this agent. @internal */
  handleLeft(view: CallView, reason: LeftReason): void {
    if (this.#status === 'closed') return;
    this.#view = view;
    this.#leftBecause = reason;
    this.#end(reason, 'disconnect');
    this.emit('left', reason, this);
  }

  /** @internal */
  handleDigit(digit: string): void {
    this.#digits = (this.#digits + digit).slice(-MOST_DIGITS);
    this.emit('digit', digit, this);
    this.emit('changed', this);
  }

  /** @internal */
  handleQuality(agentId: string | null, quality: QualityView): void {
    this.#qualities.set(agentId, quality);
    this.emit('quality', agentId, quality);
  }

  /** @internal */
  handleRemoteAnswer(sdp: string): void {
    if (this.#origin.kind === 'outgoing' && !this.#isBridged()) this.#applyAnswer(sdp);
  }

  /** The connection to the server was lost and is there again, and this call still is ours. @internal */
  handleWelcome(): void {
    if (!this.#isBridged() || this.#status === 'closed' || this.#status === 'pending') return;
    // The reply was lost, and with it the server's answer.
    const unanswered = this.#sound !== null && !this.#remoteAnswered;
    if (unanswered && !this.#attachment.isBusy) this.#attachment.start();
    else this.#attachment.handleWelcome();
  }

  /** The connection was away and the server does not know this call any more. @internal */
  handleVanished(): void {
    if (this.#status === 'closed') return;
    this.#end('vanished', this.#status === 'pending' ? 'cancel' : 'disconnect', SoftphoneError.of('vanished'));
  }

  /** The machine is on another network, perhaps. @internal */
  handleNetwork(): void {
    if (this.#isBridged() && this.#remoteAnswered && this.#soundIs === 'here') this.#attachment.handleNetwork();
  }

  /** The person chose another microphone. @internal */
  async handleInputChanged(): Promise<void> {
    try {
      await this.#sound?.changeInput();
    } catch (error) {
      this.#report(SoftphoneError.from(error, 'microphone_lost'));
    }
  }

  // ---- private

  /** Only with an open microphone: a browser hides its addresses from pages that have none. */
  #makeReady(): void {
    const { environment, audio, rtcConfiguration } = this.#host;
    if (audio.inputStream === null) return;
    const leg = new MediaLeg(environment, rtcConfiguration);
    const sdp = this.#describe(leg);
    // Whoever accepts meets the error.
    sdp.catch(() => undefined);
    this.#ready = { leg, sdp };
  }

  /** An answer to the offer that came with the call, or an offer of our own. */
  #describe(leg: MediaLeg): Promise<string> {
    const offer = this.#origin.kind === 'incoming' ? this.#origin.offer : undefined;
    return offer === undefined ? leg.offer(true) : leg.answer(offer);
  }

  /** The sound a call begins with; null when it ended while the person was asked for the microphone. */
  async #openSound(ready?: MediaLeg): Promise<CallSound | null> {
    this.#sound = await this.#makeSound(ready);
    if (this.#isClosed()) this.#closeSound();
    return this.#sound;
  }

  async #makeSound(ready?: MediaLeg): Promise<CallSound | null> {
    const { environment, audio, rtcConfiguration } = this.#host;
    const origin = this.#origin;
    const listens = this.role === 'listener' || (this.#view === null && origin.kind === 'joining' && origin.listens);
    const track = listens ? null : await audio.takeTrack();
    const sound = new CallSound(environment, audio, ready ?? new MediaLeg(environment, rtcConfiguration), track);
    if (this.#isClosed()) {
      sound.close();
      return null;
    }
    sound.mute(this.#muted);
    sound.on('state', (state) => {
      if (sound === this.#sound) this.#handleSoundState(state);
    });
    sound.on('sample', (sample) => {
      this.emit('sample', sample);
      // The server is never silent: a second of nothing is a broken path, which a browser notices seconds later.
      const hears = sample.packetsReceived > 0;
      if (hears === this.#hears || sound !== this.#sound || !this.#isBridged()) return;
      this.#hears = hears;
      this.#attachment.handleHearing(hears);
    });
    sound.on('volume', (input, output) => this.emit('volume', input, output));
    sound.on('warning', ({ name, raised, value }) =>
      this.emit(raised ? 'warning' : 'warning-cleared', name, { value }),
    );
    return sound;
  }

  /** One try to bring the sound of a bridged call here. */
  async #attach(): Promise<void> {
    const sound = await this.#makeSound();
    try {
      const sdp = await sound?.leg.offer(true);
      if (sound === null || sdp === undefined || this.#isClosed()) return;
      const reply = await this.#host.request({ type: 'call.attach', call_id: this.id, sdp });
      if (reply.answer === null) throw SoftphoneError.of('protocol');
      if (reply.call !== null) this.handleView(reply.call);
      await sound.leg.applyAnswer(reply.answer);
      if (this.#isClosed()) return;
      this.#trickle(sound);
      // Now, not earlier: until here the old one may be all there is.
      this.#sound?.close();
      sound.mute(this.#muted);
      this.#sound = sound;
      this.#soundIs = 'here';
      this.#remoteAnswered = true;
      this.#unheardAnswer = null;
      sound.play();
      if (this.#view?.state === 'connected') this.#start(sound);
      this.emit('changed', this);
    } finally {
      if (this.#sound !== sound) sound?.close();
    }
  }

  /** Finds a new path for the sound that is here; it stays what it is, at both ends. */
  async #restart(): Promise<void> {
    const sound = this.#sound;
    const sdp = await sound?.leg.restart();
    if (sound === null || sdp === undefined) throw SoftphoneError.of('sound_lost');
    const { answer } = await this.#host.request({ type: 'call.restart', call_id: this.id, sdp });
    if (answer === null) throw SoftphoneError.of('protocol');
    if (sound !== this.#sound) return;
    await sound.leg.applyAnswer(answer);
    this.#trickle(sound);
  }

  /** The server has our offer, and learns where else we are. What is lost on the way is one place of many. */
  #trickle({ leg }: CallSound): void {
    leg.trickle((ufrag, candidate) => {
      this.#host.request({ type: 'call.candidate', call_id: this.id, ufrag, candidate }).catch(() => undefined);
    });
  }

  async #sendAnswer(sdp: string): Promise<void> {
    this.#unheardAnswer = sdp;
    try {
      const { call, answer } = await this.#host.request({ type: 'call.accept', call_id: this.id, sdp });
      this.#unheardAnswer = null;
      if (answer !== null) this.#takeAnswer(answer);
      if (call !== null) this.handleView(call);
    } catch (error) {
      const known = SoftphoneError.from(error, 'negotiation_failed');
      // Whether the server heard it is known only after the reconnect: `handleRinging` or `handleView` decide.
      if (known.code === 'connection_lost' || known.code === 'not_connected') return;
      if (known.code === 'command_timeout') return this.#report(known);
      this.#unheardAnswer = null;
      throw known;
    }
  }

  /** Candidates of `trickling` follow the offer. */
  async #place(to: string, from: string | undefined, sdp: string, trickling: MediaLeg | null): Promise<void> {
    const number = from === undefined ? {} : { from_number_id: from };
    try {
      const { call: view, answer } = await this.#host.request({ type: 'call.place', to, ...number, sdp });
      if (view === null) throw SoftphoneError.of('protocol');
      const givenUp = this.#status === 'closed';
      this.handleView(view);
      if (answer !== null) this.#takeAnswer(answer);
      if (givenUp && !isOver(view.state)) this.#host.leave(view.id, 'call.hangup');
    } catch (error) {
      const known = SoftphoneError.from(error, 'negotiation_failed');
      // The number is relayed by now: WhatsApp wants them all at once.
      if (known.code === 'invalid_sdp' && trickling !== null && !this.#isClosed()) {
        return trickling.complete().then(
          (complete) => this.#place(to, from, complete, null),
          () => this.handlePlacingFailed(known),
        );
      }
      // The device looks for it in the snapshot of the next connection.
      if (known.code === 'connection_lost') return;
      this.handlePlacingFailed(known);
    }
  }

  /** @internal */
  handlePlacingFailed(error: SoftphoneError): void {
    if (this.#status === 'closed') {
      this.#endReason = error.code;
      this.emit('changed', this);
      return;
    }
    this.#report(error);
    this.#end(error.code, 'disconnect', error);
  }

  /** A live call of ours has new facts. */
  #advance(view: CallView): void {
    if (view.state === 'connected') return this.#open();
    if (view.state === 'ringing' && view.direction === 'outbound' && this.#status === 'connecting') {
      this.#setStatus('ringing');
      this.emit('ringing', false);
      return;
    }
    this.emit('changed', this);
  }

  #follow(view: CallView): void {
    const status = statusOf(view);
    if (status === 'open' && this.#openedAt === null) {
      const answeredAt = view.answered_at === null ? Number.NaN : Date.parse(view.answered_at);
      this.#openedAt = Number.isNaN(answeredAt) ? this.#host.environment.clock.now() : answeredAt;
    }
    // Bringing the sound here is under way, which the server does not know.
    this.#setStatus(status === 'open' && this.#status === 'reconnecting' ? 'reconnecting' : status);
  }

  /** The server's answer. It sends from now on, WhatsApp only after the pick-up. */
  #takeAnswer(sdp: string): void {
    this.#applyAnswer(sdp);
    if (this.#sound === null) return;
    this.#trickle(this.#sound);
    this.#sound.play();
  }

  #applyAnswer(sdp: string): void {
    if (this.#remoteAnswered || this.#sound === null) return;
    this.#remoteAnswered = true;
    this.#sound.leg
      .applyAnswer(sdp)
      .catch((error: unknown) => this.#handleDeadSound(SoftphoneError.from(error, 'negotiation_failed')));
  }

  /** Now, and not earlier, sound may flow. */
  #open(): void {
    if (this.#sound === null || this.#sound.hasStarted) return this.emit('changed', this);
    this.#unheardAnswer = null;
    this.#openedAt = this.#host.environment.clock.now();
    this.#start(this.#sound);
    this.#setStatus('open');
    this.emit('accept', this);
  }

  #start(sound: CallSound): void {
    sound.start().catch((error: unknown) => this.#handleDeadSound(SoftphoneError.from(error, 'negotiation_failed')));
  }

  #handleSoundState(state: RTCPeerConnectionState): void {
    if (this.#isBridged()) return this.#attachment.handleState(state);
    if (state === 'failed') return this.#fail(SoftphoneError.of('media_failed'));
    if (state === 'disconnected' && this.#status === 'open') {
      this.#setStatus('reconnecting');
      this.emit('reconnecting', SoftphoneError.of('media_interrupted'));
    } else if (state === 'connected' && this.#status === 'reconnecting') {
      this.#setStatus('open');
      this.emit('reconnected');
    }
  }

  #handleLost(): void {
    this.#host.probe();
    if (this.#status === 'open') {
      this.#setStatus('reconnecting');
      this.emit('reconnecting', SoftphoneError.of('media_interrupted'));
    } else {
      this.emit('changed', this);
    }
  }

  #handleBack(): void {
    if (this.#status !== 'reconnecting') return this.emit('changed', this);
    this.#setStatus('open');
    this.emit('reconnected');
  }

  #handleGone(error: SoftphoneError | null): void {
    this.#closeSound();
    this.#soundIs = 'elsewhere';
    this.#setStatus(this.#status === 'reconnecting' ? 'open' : this.#status);
    if (error !== null) this.#report(error);
  }

  #handleDeadSound(error: SoftphoneError): void {
    if (this.#isBridged()) this.#attachment.handleLoss();
    else this.#fail(error);
  }

  /** WhatsApp never renegotiates: a relayed call without sound cannot be repaired, only ended. */
  #fail(error: SoftphoneError): void {
    if (this.#status === 'closed') return;
    this.#report(error);
    if (this.#view !== null) this.#host.leave(this.id, 'call.hangup');
    this.#end(error.code, 'disconnect', error);
  }

  #backToRinging(error: SoftphoneError): void {
    if (this.#status !== 'connecting') return;
    this.#closeSound();
    if (this.#silenced !== null || GONE.has(error.code)) {
      this.#answeredBy = this.#silenced?.by ?? null;
      return this.#end(this.#silenced?.reason ?? error.code, 'cancel', error);
    }
    if (this.#isBridged() && this.#view !== null && this.role !== null) {
      // Taken all the same, only without sound.
      this.#soundIs = 'elsewhere';
      this.#setStatus(statusOf(this.#view));
    } else {
      this.#setStatus('pending');
    }
    this.#report(error);
  }

  #report(error: SoftphoneError): void {
    this.emit('error', error, this);
  }

  #end(reason: string, name: 'disconnect' | 'cancel' | 'reject', error?: ErrorView): void {
    const wasHeard = this.#sound?.hasStarted ?? false;
    this.#closedAt = this.#host.environment.clock.now();
    this.#endReason = reason;
    if (error !== undefined) this.#error = { code: error.code, message: error.message, remedy: error.remedy };
    this.#closeSound();
    if (wasHeard && this.#host.audio.outgoing()) this.#host.audio.speakerDevices.playTone(GOODBYE);
    this.#setStatus('closed');
    this.emit(name, this);
  }

  #closeSound(): void {
    this.#attachment.stop();
    this.#sound?.close();
    this.#sound = null;
    this.#ready?.leg.close();
    this.#ready = null;
    this.#unheardAnswer = null;
  }

  /** Whether what rings here has been taken. A conversation that looks for somebody has an owner all the same. */
  #isTaken(view: CallView): boolean {
    if (this.role !== null) return view.state !== 'ringing';
    return view.agent !== null && view.state !== 'ringing' && !view.table?.seeking;
  }

  #isBridged(): boolean {
    return this.#view?.media === 'bridge';
  }

  /** A method, because the compiler does not see that awaiting lets the status change. */
  #isClosed(): boolean {
    return this.#status === 'closed';
  }

  #setStatus(status: CallStatus): void {
    this.#status = status;
    this.emit('changed', this);
  }
}
