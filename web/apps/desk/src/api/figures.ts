/** Figures of calls by day. */

import { call, withQuery } from './client';

export interface Figures {
  readonly window: { readonly from: string; readonly to: string; readonly timezone: string };
  readonly total: number;
  readonly answered: number;
  readonly declined: number;
  readonly missed: number;
  readonly failed: number;
  readonly inbound: number;
  readonly outbound: number;
  readonly avg_duration_seconds: number;
  readonly total_duration_seconds: number;
  readonly costs: ReadonlyArray<{ readonly currency: string; readonly cost: string }> | null;
  readonly trend: readonly DayFigures[];
}

interface DayFigures {
  readonly date: string;
  readonly total: number;
  readonly answered: number;
  readonly declined: number;
  readonly missed: number;
  readonly failed: number;
  readonly duration_seconds: number;
}

/** Days are civil days of the place this browser is in. */
export function figures(days: number, phone_number_id: string): Promise<Figures> {
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return call('GET', withQuery('/api/v1/whatsapp/calling/analytics', { days, timezone, phone_number_id }));
}
