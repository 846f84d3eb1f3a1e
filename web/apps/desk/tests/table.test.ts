import type { PartyRole, TableView } from '@offhook/softphone';
import { expect, test } from 'vitest';
import { invitationInWords, newsOf, people, recordingInWords, type TableFacts } from '../src/words/table';

const ana = { id: 'agt_1', name: 'Ana' };
const bob = { id: 'agt_2', name: 'Bob' };

function table(more: Partial<TableView> = {}): TableView {
  return { parties: [], muted: [], seeking: null, parked_at: null, playing: null, recording: null, ...more };
}

const withBob = (role: PartyRole, more: Partial<TableView> = {}) => table({ parties: [{ agent: bob, role }], ...more });

/** As one line for each, from the side of whoever looks. */
function said(arranged: TableView, more: Partial<TableFacts> = {}): string[] {
  const facts = { table: arranged, owner: ana, role: 'owner', held: false, muted: false, customer: 'Dana' } as const;
  return people({ ...facts, me: ana.id, ...more }).map(({ name, says }) => `${name} ${says}`);
}

test('an attended transfer: the customer waits, and two talk among themselves', () => {
  const arranged = withBob('consulted');
  expect(said(arranged)).toEqual([
    'Dana waits with music',
    'You talk with Bob only; Dana does not hear it',
    'Bob hears only you',
  ]);
  expect(said(arranged, { me: bob.id })).toEqual([
    'Dana waits with music',
    'Ana talks with you only; Dana does not hear it',
    'You talk with Ana only; Dana waits',
  ]);
});

test('while somebody is rung to be asked, the customer waits already', () => {
  expect(said(table({ seeking: { purpose: 'consult', agent: bob } }))).toEqual([
    'Dana waits with music',
    'You wait for Bob',
  ]);
});

test('a conference: everybody hears everybody, except whom nobody is to hear', () => {
  expect(said(withBob('member'))).toEqual([
    'Dana hears you and Bob',
    'You talk with everybody',
    'Bob talks with everybody',
  ]);
  expect(said(withBob('member', { muted: [bob.id] }))).toEqual([
    'Dana hears you',
    'You talk with everybody',
    'Bob is muted: nobody hears them',
  ]);
  expect(said(withBob('member'), { muted: true })[0]).toBe('Dana hears Bob');
  expect(said(withBob('member'), { held: true })[0]).toBe('Dana waits with music');
  expect(said(withBob('member', { playing: 'welcome' }))[0]).toBe('Dana hears the announcement');
});

test('supervisors: who listens is heard by nobody, who whispers by the owner alone', () => {
  expect(said(withBob('listener'))[2]).toBe('Bob listens; nobody hears them');
  expect(said(withBob('whisperer'))[0]).toBe('Dana hears you');
  expect(said(withBob('whisperer'))[2]).toBe('Bob listens; only you hear them');
  expect(said(withBob('whisperer'), { me: bob.id })[2]).toBe('You hear everybody; only Ana hears you');
  expect(said(withBob('barger'))[0]).toBe('Dana hears you and Bob');
});

test('what changed is told in a sentence', () => {
  const ringing = table({ seeking: { purpose: 'join', agent: bob } });
  expect(newsOf(withBob('member'), ringing, ana.id)).toBe('Bob joined.');
  expect(newsOf(table(), ringing, ana.id)).toBe('No longer ringing Bob.');
  expect(newsOf(table(), withBob('member'), ana.id)).toBe('Bob left.');
  expect(newsOf(withBob('member'), table(), bob.id)).toBeNull();
  expect(newsOf(table(), null, ana.id)).toBeNull();
});

test('a ring in the middle of a conversation says who asks and what for', () => {
  expect(invitationInWords({ purpose: 'consult', by: ana })).toBe('Ana asks you about a call');
  expect(invitationInWords({ purpose: 'join', by: ana })).toBe('Ana invites you to a call');
  expect(invitationInWords({ purpose: 'handover', by: null })).toBe('A call is transferred to you');
});

test('a recording is told in every state', () => {
  const recorded = (state: 'announcing' | 'recording' | 'paused') => table({ recording: { id: 'r', state } });
  expect(recordingInWords(table())).toBeNull();
  expect(recordingInWords(recorded('announcing'))).toBe('Announcing the recording');
  expect(recordingInWords(recorded('recording'))).toBe('Recording');
  expect(recordingInWords(recorded('paused'))).toBe('Recording paused');
});
