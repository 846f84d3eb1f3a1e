/** The people the house talks to: contacts, their lists and segments. */

import { call, page, upload, withQuery, type Page } from './client';

export const CHANNELS = ['voice', 'whatsapp', 'sms', 'email', 'rcs', 'viber'] as const;
export type Channel = (typeof CHANNELS)[number];

export interface Contact {
  readonly id: string;
  readonly phone: string | null;
  /** Further numbers, left out when there are none. */
  readonly other_phones?: readonly string[];
  readonly email: string | null;
  readonly first_name: string | null;
  readonly last_name: string | null;
  /** What they call themselves at WhatsApp. */
  readonly profile_name: string | null;
  readonly country_code: string | null;
  readonly lifecycle_stage: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What is not named was never decided on. */
  readonly preferences: Readonly<Partial<Record<Channel, boolean>>>;
  readonly created_at: string;
}

/** What is not named stays, what is null is forgotten. */
export interface ContactChange {
  phone?: string | null;
  email?: string | null;
  first_name?: string | null;
  last_name?: string | null;
  lifecycle_stage?: string | null;
  tags?: string[];
  metadata?: Record<string, unknown>;
}

export interface Activity {
  readonly type: string;
  readonly call_id: string | null;
  readonly direction: 'inbound' | 'outbound' | null;
  readonly text: string | null;
  readonly author_id: string | null;
  readonly timestamp: string;
}

export interface ContactList {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly member_count: number;
}

/** A segment's rules, as the server reads them. */
export type Rules = { readonly [name: string]: unknown };

export interface Segment {
  readonly id: string;
  readonly name: string;
  readonly rules: Rules;
  readonly contact_count: number;
}

export interface Narrowed {
  search?: string;
  lifecycle_stage?: string;
  tags?: string;
  cursor?: string | null;
  limit?: number;
}

const CONTACTS = '/api/v1/contacts';
const LISTS = `${CONTACTS}/lists`;
const SEGMENTS = `${CONTACTS}/segments`;

export function contacts(narrowed: Narrowed): Promise<Page<Contact>> {
  return page(withQuery(CONTACTS, { ...narrowed }));
}

/** Those who want no more of a channel; of any when none is named. */
export function optedOut(narrowed: { channel?: string; search?: string; cursor?: string | null }) {
  return page<Contact>(withQuery(`${CONTACTS}/optouts`, narrowed));
}

export function contact(id: string): Promise<Contact> {
  return call('GET', `${CONTACTS}/${id}`);
}

export function addContact(fields: ContactChange): Promise<Contact> {
  return call('POST', CONTACTS, fields);
}

export function changeContact(id: string, change: ContactChange): Promise<Contact> {
  return call('PUT', `${CONTACTS}/${id}`, change);
}

/** With their calls, recordings and events. */
export function eraseContact(id: string): Promise<void> {
  return call('DELETE', `${CONTACTS}/${id}`);
}

export async function addTag(id: string, tag: string): Promise<readonly string[]> {
  return (await call<{ tags: string[] }>('POST', `${CONTACTS}/${id}/tags`, { tags: [tag] })).tags;
}

export function removeTag(id: string, tag: string): Promise<void> {
  return call('DELETE', `${CONTACTS}/${id}/tags/${encodeURIComponent(tag)}`);
}

export async function prefer(id: string, channel: Channel, on: boolean): Promise<Contact['preferences']> {
  const body = { preferences: { [channel]: on } };
  return (await call<Pick<Contact, 'preferences'>>('PUT', `${CONTACTS}/${id}/preferences`, body)).preferences;
}

export function activity(id: string, cursor: string | null = null): Promise<Page<Activity>> {
  return page(withQuery(`${CONTACTS}/${id}/activity`, { cursor }));
}

export function addNote(id: string, text: string): Promise<Activity> {
  return call('POST', `${CONTACTS}/${id}/notes`, { text });
}

/** The others become part of the first. */
export function mergeContacts(primary_id: string, duplicate_ids: string[]): Promise<Contact> {
  return call('POST', `${CONTACTS}/merge`, { primary_id, duplicate_ids });
}

export function lists(): Promise<ContactList[]> {
  return call('GET', LISTS);
}

export function addList(name: string, description: string): Promise<ContactList> {
  return call('POST', LISTS, { name, description: description || null });
}

export function changeList(id: string, name: string, description: string): Promise<ContactList> {
  return call('PUT', `${LISTS}/${id}`, { name, description: description || null });
}

export function removeList(id: string): Promise<void> {
  return call('DELETE', `${LISTS}/${id}`);
}

export function members(id: string, cursor: string | null): Promise<Page<Contact>> {
  return page(withQuery(`${LISTS}/${id}/members`, { cursor }));
}

export function putOnList(id: string, contact_ids: string[]): Promise<void> {
  return call('POST', `${LISTS}/${id}/members`, { contact_ids });
}

export function takeOffList(id: string, contact_ids: string[]): Promise<void> {
  return call('DELETE', `${LISTS}/${id}/members`, { contact_ids });
}

export function segments(): Promise<Segment[]> {
  return call('GET', SEGMENTS);
}

export function addSegment(name: string, rules: Rules): Promise<Segment> {
  return call('POST', SEGMENTS, { name, rules });
}

export function changeSegment(id: string, name: string, rules: Rules): Promise<Segment> {
  return call('PUT', `${SEGMENTS}/${id}`, { name, rules });
}

export function removeSegment(id: string): Promise<void> {
  return call('DELETE', `${SEGMENTS}/${id}`);
}

export function segmentContacts(id: string, cursor: string | null): Promise<Page<Contact>> {
  return page(withQuery(`${SEGMENTS}/${id}/contacts`, { cursor }));
}

/** Whom rules would admit. */
export function previewSegment(rules: Rules): Promise<{ contact_count: number; contacts: readonly Contact[] }> {
  return call('POST', `${SEGMENTS}/preview`, { rules });
}

export interface Import {
  readonly id: string;
  readonly status: 'receiving' | 'waiting' | 'running' | 'completed' | 'failed';
  /** Rows of the file; null while it comes. */
  readonly total: number | null;
  readonly processed: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
  /** Where the rejected rows are, with the reason of each. */
  readonly rejected_url: string | null;
  readonly created_at: string;
}

export function imports(): Promise<Import[]> {
  return call('GET', `${CONTACTS}/imports`);
}

export function importFile(file: Blob, onsent: (part: number) => void): Promise<Import> {
  return upload(`${CONTACTS}/import`, file, 'text/csv', onsent);
}

/** Where a file of those who are listed is. */
export function exportOf(narrowed: Narrowed): string {
  return withQuery(`${CONTACTS}/export`, { ...narrowed });
}
