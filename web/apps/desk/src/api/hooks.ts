/** Customers' addresses that are told of events, and what was sent to them. */

import { call, page, withQuery, type Page } from './client';

export type Dress = 'orbit' | 'vobiz' | 'meta';
export type DeliveryState = 'due' | 'waiting' | 'delivered' | 'dead';

export interface Hook {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string | null;
  readonly dress: Dress;
  readonly phone_number_id: string | null;
  readonly active: boolean;
  readonly disabled_reason: 'failing' | 'gone' | null;
  readonly consecutive_failures: number;
  readonly created_at: string;
}

export interface NewHook {
  url: string;
  dress: Dress;
  events?: string[];
  description?: string;
  phone_number_id?: string;
  headers?: Record<string, string>;
}

export interface HookChange {
  url?: string;
  events?: string[];
  description?: string;
  active?: boolean;
}

export interface Delivery {
  readonly id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly state: DeliveryState;
  readonly http_status: number | null;
  readonly response_time_ms: number | null;
  readonly attempts: number;
  readonly error: string | null;
  readonly request_headers: Readonly<Record<string, string>> | null;
  readonly response_headers: Readonly<Record<string, string>> | null;
  readonly response_body: string | null;
  readonly created_at: string;
  readonly last_attempt_at: string | null;
  readonly next_attempt_at: string | null;
}

/** What is sent again. */
export type Again = { event_id: string } | { since: string; until?: string } | { delivery_id: string } | { dead: true };

export interface Replayed {
  readonly deliveries: number;
  /** Where to go on, when there was more than one request may ask for. */
  readonly rest_since: string | null;
}

export interface FreshSecret {
  readonly signing_secret: string;
  /** Until when the one before signs as well. */
  readonly previous_secret_expires_at: string;
}

const HOOKS = '/api/v1/webhooks';

export function hooks(): Promise<Hook[]> {
  return call('GET', HOOKS);
}

export function hook(id: string): Promise<Hook> {
  return call('GET', `${HOOKS}/${id}`);
}

/** The secret is told this once. */
export function makeHook(wanted: NewHook): Promise<Hook & { readonly signing_secret: string }> {
  return call('POST', HOOKS, wanted);
}

export function changeHook(id: string, change: HookChange): Promise<Hook> {
  return call('PUT', `${HOOKS}/${id}`, change);
}

export function removeHook(id: string): Promise<void> {
  return call('DELETE', `${HOOKS}/${id}`);
}

/** The id of the test's event, by which its delivery is found. */
export async function testHook(id: string): Promise<string> {
  return (await call<{ event_id: string }>('POST', `${HOOKS}/${id}/test`)).event_id;
}

export function freshSecret(id: string): Promise<FreshSecret> {
  return call('POST', `${HOOKS}/${id}/rotate-secret`);
}

export function sendAgain(id: string, what: Again): Promise<Replayed> {
  return call('POST', `${HOOKS}/${id}/replay`, what);
}

export function deliveries(
  id: string,
  narrowed: { state?: DeliveryState | null; limit?: number; cursor?: string | null } = {},
): Promise<Page<Delivery>> {
  return page(withQuery(`${HOOKS}/${id}/deliveries`, narrowed));
}
