/** API keys, people, the audit log, and one's own password. */

import { call, page, type Page } from './client';

export const ROLES = ['owner', 'admin', 'developer', 'agent', 'viewer', 'billing'] as const;
export type Role = (typeof ROLES)[number];

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly type: 'secret' | 'public';
  readonly mode: 'live' | 'test';
  readonly role: Role;
  readonly scopes: readonly string[];
  readonly allowed_ips: readonly string[] | null;
  readonly expires_at: string | null;
  readonly expires_soon: boolean;
  readonly last_used_at: string | null;
  readonly status: 'active' | 'expired' | 'revoked';
}

export interface NewKey {
  name: string;
  type: ApiKey['type'];
  mode: ApiKey['mode'];
  role: Role;
  scopes: string[];
  expiresIn: 'never' | '30d' | '90d' | '1y';
  allowed_ips: string[];
}

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
}

export interface AuditEntry {
  readonly seq: number;
  readonly at: string;
  readonly actor: { readonly type: 'person' | 'key' | 'operator' | 'stranger'; readonly name: string | null };
  readonly action: string;
  readonly object: { readonly type: string; readonly id: string } | null;
  readonly before: unknown;
  readonly after: unknown;
  readonly address?: string;
  readonly address_hash: string | null;
}

const KEYS = '/api/v1/settings/api-keys';
const PEOPLE = '/api/v1/settings/people';

export function keys(): Promise<ApiKey[]> {
  return call('GET', KEYS);
}

/** The key's text, which nobody is told again. */
export async function makeKey(wanted: NewKey): Promise<string> {
  return (await call<{ key: string }>('POST', KEYS, wanted)).key;
}

/** Another key in its place; the old one goes on for a day. */
export async function replaceKey(id: string): Promise<string> {
  return (await call<{ key: string }>('POST', `${KEYS}/${id}/rotate`, {})).key;
}

export function revokeKey(id: string): Promise<void> {
  return call('DELETE', `${KEYS}/${id}`);
}

export function allowFrom(id: string, allowed_ips: string[]): Promise<unknown> {
  return call('PATCH', `${KEYS}/${id}/allowed-ips`, { allowed_ips });
}

export function people(): Promise<Person[]> {
  return call('GET', PEOPLE);
}

/** The password that was made for them. */
export async function addPerson(person: Omit<Person, 'id'>): Promise<string> {
  return (await call<{ password: string }>('POST', PEOPLE, person)).password;
}

export function changePerson(id: string, change: { role?: Role; password?: string }): Promise<Person> {
  return call('PATCH', `${PEOPLE}/${id}`, change);
}

export function removePerson(id: string, revokeKeys: boolean): Promise<void> {
  return call('DELETE', `${PEOPLE}/${id}${revokeKeys ? '?revoke_keys=true' : ''}`);
}

export function audit(cursor: string | null): Promise<Page<AuditEntry>> {
  return page(`/api/v1/settings/audit?limit=50${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
}

export function changePassword(current_password: string, new_password: string): Promise<void> {
  return call('POST', '/api/v1/auth/password', { current_password, new_password });
}
