/** Who hears whom at a bridged conversation, in sentences. Pure. */

import type { AgentRef, Call, Invitation, PartyRole, PartyView, TableView } from '@offhook/softphone';

export interface TableFacts {
  /** Null while the call is not talking. */
  readonly table: TableView | null;
  readonly owner: AgentRef | null;
  readonly role: Call['role'];
  readonly held: boolean;
  /** Our own microphone is off. */
  readonly muted: boolean;
  /** As the customer is called here. */
  readonly customer: string;
  readonly me: string | null;
}

export interface Person {
  /** Null for the customer. */
  readonly id: string | null;
  readonly name: string;
  readonly says: string;
  readonly role: 'customer' | 'owner' | PartyRole;
  readonly me: boolean;
  /** Their voice reaches nobody. */
  readonly muted: boolean;
}

const SUPERVISES: readonly PartyRole[] = ['listener', 'whisperer', 'barger'];

export function supervises(role: Call['role']): boolean {
  return SUPERVISES.some((each) => each === role);
}

/** Whether the owner asks somebody, or is about to, while the customer waits. */
export function consults(table: TableView): boolean {
  return table.seeking?.purpose === 'consult' || consulted(table) !== null;
}

export function consulted(table: TableView): PartyView | null {
  return table.parties.find(({ role }) => role === 'consulted') ?? null;
}

/** Somebody besides customer and owner is there, so that it is worth saying who hears whom. */
export function isShared(table: TableView): boolean {
  return table.parties.length > 0 || table.seeking !== null;
}

/** Everybody at a conversation and whom they hear, the customer first. */
export function people(facts: TableFacts): Person[] {
  const { table, owner, me, customer } = facts;
  if (table === null) return [];
  const isMuted = (id: string) => table.muted.includes(id) || (id === me && facts.muted);
  const person = (agent: AgentRef, role: Person['role'], says: string): Person => {
    const mine = agent.id === me;
    return { id: agent.id, name: mine ? 'You' : agent.name, says, role, me: mine, muted: isMuted(agent.id) };
  };
  const rows: Person[] = [
    { id: null, name: customer, says: ofCustomer(facts, isMuted), role: 'customer', me: false, muted: false },
  ];
  if (owner !== null) rows.push(person(owner, 'owner', ofOwner(facts, table, isMuted(owner.id))));
  for (const { agent, role } of table.parties) {
    rows.push(person(agent, role, ofParty(facts, table, agent, role, isMuted(agent.id))));
  }
  return rows;
}

function ofCustomer({ table, owner, held, me }: TableFacts, isMuted: (id: string) => boolean): string {
  if (table === null) return '';
  if (table.playing !== null) return 'hears the announcement';
  if (owner === null || held || consults(table)) return 'waits with music';
  const others = table.parties.filter(({ role }) => role === 'member' || role === 'barger');
  const talkers = [owner, ...others.map(({ agent }) => agent)].filter(({ id }) => !isMuted(id));
  if (talkers.length === 0) return 'hears nobody: the microphones are off';
  return `hears ${inWords(talkers.map(({ id, name }) => (id === me ? 'you' : name)))}`;
}

function ofOwner({ owner, me, held, customer }: TableFacts, table: TableView, muted: boolean): string {
  const mine = owner?.id === me;
  const asked = consulted(table);
  const talk = mine ? 'talk' : 'talks';
  if (muted) return mine ? 'are muted: nobody hears you' : 'is muted: nobody hears them';
  if (asked !== null) {
    const other = asked.agent.id === me ? 'you' : asked.agent.name;
    return `${talk} with ${other} only; ${customer} does not hear it`;
  }
  if (table.seeking?.purpose === 'consult') return `${mine ? 'wait' : 'waits'} for ${sought(table)}`;
  if (held) return `${mine ? 'are' : 'is'} not heard by ${customer}`;
  return `${talk} with everybody`;
}

function ofParty(facts: TableFacts, table: TableView, agent: AgentRef, role: PartyRole, muted: boolean): string {
  const mine = agent.id === facts.me;
  const owner = facts.owner?.id === facts.me ? 'you' : (facts.owner?.name ?? 'nobody');
  if (role === 'listener') return mine ? 'hear everybody; nobody hears you' : 'listens; nobody hears them';
  if (muted) return mine ? 'are muted: nobody hears you' : 'is muted: nobody hears them';
  switch (role) {
    case 'consulted':
      return mine ? `talk with ${owner} only; ${facts.customer} waits` : `hears only ${owner}`;
    case 'whisperer':
      return mine ? `hear everybody; only ${owner} hears you` : `listens; only ${owner} ${hear(owner)} them`;
    case 'member':
      if (consults(table)) return mine ? `wait for ${owner}` : `waits for ${owner}`;
      return mine ? 'talk with everybody' : 'talks with everybody';
    case 'barger':
      return mine ? 'talk with everybody' : 'talks with everybody';
  }
}

/** Whoever is looked for. */
export function sought({ seeking }: TableView): string {
  return seeking?.agent?.name ?? 'whoever is free first';
}

/** What happened between two arrangements, when it is not to be seen otherwise. */
export function newsOf(now: TableView | null, before: TableView | null, me: string | null): string | null {
  if (now === null || before === null) return null;
  const has = (table: TableView, id: string) => table.parties.some(({ agent }) => agent.id === id);
  const came = now.parties.filter(({ agent }) => agent.id !== me && !has(before, agent.id));
  if (came.length > 0) return `${inWords(came.map(({ agent }) => agent.name))} joined.`;
  const went = before.parties.filter(({ agent }) => agent.id !== me && !has(now, agent.id));
  if (went.length > 0) return `${inWords(went.map(({ agent }) => agent.name))} left.`;
  if (before.seeking !== null && now.seeking === null) return `No longer ringing ${sought(before)}.`;
  return null;
}

/** Why a call rings that is no caller's. */
export function invitationInWords({ purpose, by }: Invitation): string {
  const who = by?.name ?? 'A colleague';
  switch (purpose) {
    case 'handover':
      return 'A call is transferred to you';
    case 'consult':
      return `${who} asks you about a call`;
    case 'join':
      return `${who} invites you to a call`;
  }
}

/** The state of a recording, for a badge that is always in sight. */
export function recordingInWords(table: TableView | null): string | null {
  switch (table?.recording?.state) {
    case undefined:
      return null;
    case 'announcing':
      return 'Announcing the recording';
    case 'recording':
      return 'Recording';
    case 'paused':
      return 'Recording paused';
  }
}

function hear(owner: string): string {
  return owner === 'you' ? 'hear' : 'hears';
}

function inWords(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}
