/** The log of calls. */

import { call } from './client';

/** A row of the call log: the fields the desk shows. */
export interface LoggedCall {
  readonly id: string;
  readonly phone_number_id: string;
  readonly direction: 'inbound' | 'outbound';
  readonly status: 'queued' | 'ringing' | 'in_progress' | 'completed' | 'failed' | 'missed';
  readonly end_reason: string | null;
  readonly from_phone: string | null;
  readonly to_phone: string | null;
  readonly contact_name: string | null;
  readonly answered_at: string | null;
  readonly duration_seconds: number | null;
  readonly created_at: string;
}

export function recentCalls(): Promise<LoggedCall[]> {
  return call<LoggedCall[]>('GET', '/api/v1/whatsapp/calling/calls?limit=25');
}
