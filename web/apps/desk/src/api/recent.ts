/** The log of calls. */

import { page, withQuery, type Page } from './client';

/** A row of the call log: the fields the desk shows. */
export interface LoggedCall {
  readonly id: string;
  readonly phone_number_id: string;
  readonly direction: 'inbound' | 'outbound';
  readonly status: 'queued' | 'ringing' | 'in_progress' | 'completed' | 'failed' | 'missed';
  readonly end_reason: string | null;
  readonly from_phone: string | null;
  readonly to_phone: string | null;
  readonly contact_id?: string | null;
  readonly contact_name: string | null;
  readonly answered_at: string | null;
  readonly duration_seconds: number | null;
  readonly created_at: string;
}

/** The newest calls, or those in which a text is found: a name, a number, a conversation. */
export function recentCalls(q = '', cursor: string | null = null): Promise<Page<LoggedCall>> {
  return page(withQuery('/api/v1/whatsapp/calling/calls', { limit: 25, q, cursor }));
}
