/** What the desk shows of a call, copied at one moment so that the page redraws when it changes. */

import type {
  AgentRef,
  Call,
  CallState,
  CallStatus,
  Direction,
  ErrorView,
  Invitation,
  LeftReason,
  TableView,
} from '@offhook/softphone';

export interface CallFacts {
  readonly call: Call;
  readonly id: string;
  readonly direction: Direction;
  readonly status: CallStatus;
  readonly state: CallState | null;
  /** Empty when WhatsApp only gives a name. */
  readonly phone: string;
  /** Empty when unknown. */
  readonly name: string;
  /** The contact they are; null while the server has not said. */
  readonly contactId: string | null;
  /** Business number the call came to or goes from. */
  readonly number: string;
  readonly numberId: string | null;
  readonly muted: boolean;
  /** Its sound is in this page. */
  readonly here: boolean;
  /** The server carries its sound. */
  readonly bridged: boolean;
  /** Its sound is not here and could be. */
  readonly canAttach: boolean;
  readonly canHold: boolean;
  readonly held: boolean;
  /** Who owns the call. */
  readonly owner: AgentRef | null;
  /** What we are to it. */
  readonly role: Call['role'];
  /** What is arranged at a bridged conversation. */
  readonly table: TableView | null;
  /** The keys the customer pressed. */
  readonly digits: string;
  /** What it is about when it rings in the middle of a conversation. */
  readonly invitation: Invitation | null;
  /** Why it goes on without us. */
  readonly leftBecause: LeftReason | null;
  readonly answeredBy: AgentRef | null;
  readonly endReason: string | null;
  readonly error: ErrorView | null;
  readonly talkedMs: number;
}

export function factsOf(call: Call): CallFacts {
  const { From, To, CallerName } = call.parameters;
  const inbound = call.direction === 'INCOMING';
  return {
    call,
    id: call.id,
    direction: inbound ? 'inbound' : 'outbound',
    status: call.status(),
    state: call.view?.state ?? null,
    phone: inbound ? From : To,
    name: CallerName,
    contactId: call.contactId,
    number: inbound ? To : From,
    numberId: call.view?.number.id ?? null,
    muted: call.isMuted(),
    here: call.soundIs === 'here',
    bridged: call.view?.media === 'bridge',
    canAttach: call.canAttach,
    canHold: call.canHold,
    held: call.isHeld(),
    owner: call.view?.agent ?? null,
    role: call.role,
    table: call.table,
    digits: call.digits,
    invitation: call.invitation,
    leftBecause: call.leftBecause,
    answeredBy: call.answeredBy,
    endReason: call.endReason,
    error: call.error,
    talkedMs: call.talkedMs,
  };
}

/** In the order a person reads: who rings first, first. */
export function ringing(calls: readonly CallFacts[]): CallFacts[] {
  const rings = ({ status, direction, here, invitation }: CallFacts) =>
    status === 'pending' && here && (direction === 'inbound' || invitation !== null);
  return calls.filter(rings);
}

/** The calls an agent is in, or tries to get into. */
export function engaged(calls: readonly CallFacts[]): CallFacts[] {
  return calls.filter(({ status, here }) => status !== 'pending' || !here);
}
