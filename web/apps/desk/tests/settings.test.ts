import { fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { beforeEach, expect, test, vi } from 'vitest';
import Audit from '../src/features/audit/Audit.svelte';
import Keys from '../src/features/keys/Keys.svelte';
import Password from '../src/features/password/Password.svelte';
import People from '../src/features/people/People.svelte';
import { session } from '../src/session/session.svelte';
import { deed, details, rolesUpTo } from '../src/words/settings';
import { serve } from './fake/server';

const KEYS = '/api/v1/settings/api-keys';
const PEOPLE = '/api/v1/settings/people';

const key = {
  id: 'key_1',
  name: 'CRM',
  type: 'secret',
  mode: 'live',
  role: 'developer',
  scopes: ['calls:read'],
  allowed_ips: null,
  expires_at: null,
  expires_soon: false,
  last_used_at: null,
  status: 'active',
};
const ann = { id: 'usr_1', name: 'Ann', email: 'ann@example.com', role: 'owner' };
const bob = { id: 'usr_2', name: 'Bob', email: 'bob@example.com', role: 'agent' };

beforeEach(() => {
  vi.unstubAllGlobals();
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  session.agent = ann;
  session.state = 'in';
});

async function drawn(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  await tick();
}

const at = (testId: string) => screen.getByTestId(testId);

test('a key is made with what was chosen and shown once', async () => {
  const asked = serve({
    [`GET ${KEYS}`]: [200, { data: [] }],
    [`POST ${KEYS}`]: [201, { data: { key: 'wab_live_sk_1' } }],
  });
  render(Keys);
  await drawn();
  await fireEvent.click(at('new-key'));
  await fireEvent.input(at('key-name'), { target: { value: 'CRM' } });
  await fireEvent.click(at('make-key'));
  await drawn();
  expect(asked.find(({ method }) => method === 'POST')?.body).toEqual({
    name: 'CRM',
    type: 'secret',
    mode: 'live',
    role: 'developer',
    scopes: ['calls:read'],
    expiresIn: '1y',
    allowed_ips: [],
  });
  expect(at('secret').textContent).toBe('wab_live_sk_1');
});

test('a key is revoked after one more question', async () => {
  const asked = serve({ [`GET ${KEYS}`]: [200, { data: [key] }], [`DELETE ${KEYS}/key_1`]: [204, null] });
  render(Keys);
  await drawn();
  await fireEvent.click(at('revoke-key'));
  await drawn();
  expect(asked.some(({ method }) => method === 'DELETE')).toBe(false);
  await fireEvent.click(at('sure'));
  await drawn();
  expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
});

test('a role that is refused is not left standing', async () => {
  const error = { code: 'LAST_OWNER', message: 'this is the only owner' };
  serve({ [`GET ${PEOPLE}`]: [200, { data: [ann, bob] }], [`PATCH ${PEOPLE}/usr_2`]: [409, { error }] });
  render(People);
  await drawn();
  const select = at('person-role');
  if (!(select instanceof HTMLSelectElement)) throw new Error('not a list of choices');
  await fireEvent.change(select, { target: { value: 'admin' } });
  await drawn();
  expect(at('person-problem').textContent).toContain('This is the only owner.');
  expect(select.value).toBe('agent');
});

test('nobody is offered to change themselves or somebody above them', async () => {
  session.agent = { id: 'usr_3', name: 'Adam', email: 'adam@example.com', role: 'admin' };
  const adam = { ...session.agent };
  serve({ [`GET ${PEOPLE}`]: [200, { data: [ann, bob, adam] }] });
  render(People);
  await drawn();
  expect(screen.getAllByTestId('person')).toHaveLength(3);
  expect(screen.getAllByTestId('remove-person')).toHaveLength(1);
  expect(rolesUpTo('admin')).not.toContain('owner');
  expect(rolesUpTo('nobody')).toEqual([]);
});

test('a wrong current password does not sign anybody out', async () => {
  serve({ 'POST /api/v1/auth/password': [401, { error: { code: 'UNAUTHORIZED', message: 'wrong' } }] });
  render(Password);
  await fireEvent.input(at('old-password'), { target: { value: 'guess' } });
  await fireEvent.input(at('new-password'), { target: { value: 'a long enough one' } });
  await fireEvent.click(at('change-password'));
  await drawn();
  expect(at('password-problem').textContent).toContain('does not fit');
  expect(session.state).toBe('in');
});

test('the audit log tells who did what, and goes on where it ended', async () => {
  const entry = (seq: number) => ({
    seq,
    at: '2026-11-02T09:15:00Z',
    actor: { type: 'person', name: 'Ann' },
    action: 'api_key.revoked',
    object: null,
    before: { name: 'CRM' },
    after: null,
    address_hash: '9f2c41d07be3a685',
  });
  const path = '/api/v1/settings/audit?limit=50';
  serve({
    [`GET ${path}`]: [200, { data: [entry(2)], meta: { pagination: { cursor: 'cur_1' } } }],
    [`GET ${path}&cursor=cur_1`]: [200, { data: [entry(1)], meta: { pagination: { cursor: null } } }],
  });
  render(Audit);
  await drawn();
  expect(at('audit-entry').textContent).toContain('Ann revoked an API key');
  await fireEvent.click(at('audit-more'));
  await drawn();
  expect(screen.getAllByTestId('audit-entry')).toHaveLength(2);
  expect(screen.queryByTestId('audit-more')).toBeNull();
});

test('what has no words of its own is told by its name', () => {
  expect(deed('stream.secret_read')).toBe('stream secret read');
  const entry = { seq: 1, at: '', actor: { type: 'stranger' as const, name: null }, action: 'x', object: null };
  const both = { ...entry, before: { role: 'viewer' }, after: { role: 'agent', name: null }, address_hash: null };
  expect(details(both)).toBe('role: viewer → role: agent');
});
