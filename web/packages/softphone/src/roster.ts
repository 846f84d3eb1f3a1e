/**
 * All calls this page knows, kept true to the server's snapshot and events.
 *
 * Events are idempotent here: a call that is known already is updated, one that is over is not revived.
 */

import { Call, type CallHost } from './call/call';
import { isOver, roleOf } from './call/phase';
import { Emitter } from './emitter';
import { SoftphoneError } from './errors';
import type { AgentEvent, CallView, QualityView, Snapshot } from './protocol';
import type { Command } from './signal/link';

/** Ids of calls that are over, remembered so that a late event does not ring again. */
const MOST_FINISHED = 100;
/** Events of calls whose `call.place` has no reply yet. */
const MOST_HELD = 200;

type CallEvent = Exclude<
  AgentEvent,
  { type: 'permission.changed' | 'contact.changed' | 'presence.changed' | 'call.parked' }
>;

interface RosterEvents {
  incoming: [Call];
  /** Calls came, went or changed. */
  changed: [];
  error: [SoftphoneError, Call];
}

export class Roster extends Emitter<RosterEvents> {
  readonly #host: CallHost;
  readonly #calls = new Map<string, Call>();
  /** Placed calls that have no id yet. */
  readonly #placing = new Set<Call>();
  #held: CallEvent[] = [];
  readonly #finished = new Set<string>();

  constructor(host: CallHost) {
    super();
    this.#host = host;
  }

  /** Calls that are not over, oldest first. */
  get calls(): Call[] {
    return [...this.#calls.values(), ...this.#placing].filter((call) => call.status() !== 'closed');
  }

  /** Dials. Rejects when nothing was sent. */
  async place(to: string, from: string | undefined, bridged: boolean): Promise<Call> {
    const call = Call.outgoing(this.#host, to, from, bridged);
    this.#placing.add(call);
    this.#follow(call);
    this.emit('changed');
    try {
      if (!(await call.place())) this.#placing.delete(call);
    } catch (error) {
      this.#placing.delete(call);
      this.emit('changed');
      throw error;
    }
    return call;
  }

  /** Comes to a conversation that goes on already; to one we are in, `ask` is all it takes. Rejects when refused. */
  async join(callId: string, ask: (sdp?: string) => Command, listens = false): Promise<Call> {
    const known = this.#calls.get(callId);
    if (known !== undefined && known.status() !== 'closed' && known.role !== null) {
      if (!listens) await known.speak();
      await known.ask(ask());
      return known;
    }
    const call = Call.joining(this.#host, callId, ask, listens);
    this.#calls.set(callId, call);
    this.#follow(call);
    this.emit('changed');
    try {
      await call.join();
    } catch (error) {
      if (this.#calls.get(callId) === call) this.#calls.delete(callId);
      this.emit('changed');
      throw error;
    }
    return call;
  }

  handleQuality(callId: string, agentId: string | null, quality: QualityView): void {
    this.#calls.get(callId)?.handleQuality(agentId, quality);
  }

  handleSnapshot(snapshot: Snapshot, resumed: boolean): void {
    for (const { call, sdp_offer } of snapshot.ringing) this.#handleIncoming(call, sdp_offer);
    for (const { call, sdp_answer } of snapshot.calls) {
      this.#claim(call);
      this.#handleChanged(call);
      if (sdp_answer !== undefined) this.#calls.get(call.id)?.handleRemoteAnswer(sdp_answer);
      this.#calls.get(call.id)?.handleWelcome();
    }
    for (const call of this.#placing) call.handlePlacingFailed(SoftphoneError.of('connection_lost'));
    this.#placing.clear();
    this.#release();
    // When resumed, the events that ended the others follow and say why.
    if (resumed) return;
    const alive = new Set([...snapshot.ringing, ...snapshot.calls].map(({ call }) => call.id));
    for (const [id, call] of this.#calls) {
      if (alive.has(id)) continue;
      call.handleVanished();
      this.#calls.delete(id);
    }
  }

  handleEvent(event: CallEvent): void {
    switch (event.type) {
      case 'call.incoming':
        return this.#handleIncoming(event.call, event.sdp_offer);
      case 'call.silenced':
        this.#calls.get(event.call_id)?.handleSilenced(event.reason, event.by);
        // Not remembered as over: it may come round and ring here again.
        if (this.#calls.get(event.call_id)?.status() === 'closed') this.#calls.delete(event.call_id);
        return;
      case 'call.changed':
        if (!this.#hold(event, event.call.id)) this.#handleChanged(event.call);
        return;
      case 'call.remote_answer':
        if (!this.#hold(event, event.call_id)) this.#calls.get(event.call_id)?.handleRemoteAnswer(event.sdp_answer);
        return;
      case 'call.digit':
        return this.#calls.get(event.call_id)?.handleDigit(event.digit);
      case 'call.left':
        this.#calls.get(event.call.id)?.handleLeft(event.call, event.reason);
        // Not remembered as over: it may come back, and ring here again.
        if (this.#calls.delete(event.call.id)) this.emit('changed');
        return;
      case 'call.ended':
        if (this.#hold(event, event.call.id)) return;
        this.#calls.get(event.call.id)?.handleView(event.call);
        this.#forget(event.call.id);
    }
  }

  /** The page goes: nothing is told to the server. */
  clear(): void {
    for (const call of this.calls) call.handleVanished();
    this.#calls.clear();
    this.#placing.clear();
    this.#held = [];
    this.emit('changed');
  }

  #handleIncoming(view: CallView, offer: string | undefined): void {
    if (this.#finished.has(view.id)) return;
    const known = this.#calls.get(view.id);
    if (known !== undefined) return known.handleRinging(view);
    const call = Call.incoming(this.#host, view, offer);
    this.#calls.set(view.id, call);
    this.#follow(call);
    this.emit('incoming', call);
    this.emit('changed');
  }

  #handleChanged(view: CallView): void {
    const known = this.#calls.get(view.id);
    known?.handleView(view);
    const ours = roleOf(view, this.#host.agentId) !== null;
    // Another window of ours took what rang here: it is still our call, and its sound can be brought here.
    const shared = view.media === 'bridge' && known?.status() === 'closed' && known.endReason === 'answered_elsewhere';
    if (known !== undefined && !shared) return;
    if (!ours || isOver(view.state) || this.#finished.has(view.id)) return;
    const call = Call.elsewhere(this.#host, view);
    this.#calls.set(view.id, call);
    this.#follow(call);
    call.handleView(view);
    this.emit('changed');
  }

  /** Follows a call: learns its id when the server gives it, and passes its news on. */
  #follow(call: Call): void {
    call.on('changed', () => {
      if (call.view !== null && this.#placing.delete(call)) {
        this.#calls.set(call.id, call);
        this.#release();
      }
      if (call.view === null && call.status() === 'closed' && call.endReason !== 'local_hangup') {
        this.#placing.delete(call);
        this.#release();
      }
      if (call.view !== null && isOver(call.view.state)) this.#forget(call.id);
      this.emit('changed');
    });
    call.on('error', (error) => this.emit('error', error, call));
  }

  /** After a drop: the snapshot may hold the call whose reply was lost. */
  #claim(view: CallView): void {
    if (view.direction !== 'outbound' || this.#calls.has(view.id)) return;
    for (const call of this.#placing) {
      if (digits(call.parameters.To) !== digits(view.peer.phone ?? '')) continue;
      const givenUp = call.status() === 'closed';
      call.handleView(view);
      if (givenUp) this.#host.leave(view.id, 'call.hangup');
      return;
    }
  }

  /** An event may overtake the reply that names its call; until then nobody knows whose it is. */
  #hold(event: CallEvent, callId: string): boolean {
    if (this.#placing.size === 0 || this.#calls.has(callId)) return false;
    this.#held = [...this.#held, event].slice(-MOST_HELD);
    return true;
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.handleEvent(event);
  }

  #forget(id: string): void {
    this.#calls.delete(id);
    this.#finished.delete(id);
    this.#finished.add(id);
    for (const oldest of this.#finished) {
      if (this.#finished.size <= MOST_FINISHED) break;
      this.#finished.delete(oldest);
    }
    this.emit('changed');
  }
}

function digits(phone: string): string {
  return phone.replace(/\D/g, '');
}
