/** Contacts in words. Pure. What strangers wrote is text here, and stays text on the page. */

import type { Activity, Channel, Contact } from '$api/contacts';

export const CHANNEL_WORDS: Record<Channel, string> = {
  voice: 'Calls',
  whatsapp: 'WhatsApp messages',
  sms: 'SMS',
  email: 'E-mail',
  rcs: 'RCS',
  viber: 'Viber',
};

/** Stages the provider's samples use; any other word is as good. */
export const STAGES = ['lead', 'subscriber', 'prospect', 'customer', 'churned'];

type Named = Pick<Contact, 'first_name' | 'last_name' | 'profile_name'>;

/** What a person would call them; empty when nobody knows. */
export function nameOf({ first_name, last_name, profile_name }: Named): string {
  const own = [first_name, last_name].filter((part) => part !== null && part.trim() !== '').join(' ');
  return own || (profile_name ?? '').trim();
}

/** A stranger's words inside a sentence of ours, which they must not turn around. */
export function isolated(words: string): string {
  return `\u2068${words}\u2069`;
}

/** Their company, where the house's own fields have one under a usual name. */
export function companyOf({ metadata }: Pick<Contact, 'metadata'>): string | null {
  for (const name of ['company', 'company_name', 'organization', 'organisation', 'account']) {
    const value = metadata[name];
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
  }
  return null;
}

const KINDS: Record<string, string> = {
  'call.completed': 'Call',
  'call.missed': 'Missed call',
  'call.failed': 'Call failed',
  'call.declined': 'Call declined',
  'call.in_progress': 'In a call now',
  note: 'Note',
};

/** One line of the timeline: what, and from whose hand. */
export function activityInWords({ type, direction }: Pick<Activity, 'type' | 'direction'>): string {
  const what = KINDS[type] ?? type.replace(/[._]/g, ' ');
  if (direction === null) return what;
  return `${what}, ${direction === 'inbound' ? 'they called' : 'we called'}`;
}

/** The house's own fields as rows to read. */
export function fieldsOf(metadata: Contact['metadata']): Array<readonly [string, string]> {
  return Object.entries(metadata).map(([name, value]) => [name, plain(value)] as const);
}

/** As a person edits it: text as it is, everything else as JSON. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a person wrote into a field: numbers, true, false, lists and objects as such, all else as text. */
export function valueOf(text: string): unknown {
  const written = text.trim();
  if (!/^(true|false|-?\d|[[{"])/.test(written)) return written;
  try {
    const value: unknown = JSON.parse(written);
    // A number that would not come back as it was written, such as a long one, is text.
    return typeof value === 'number' && String(value) !== written ? written : value;
  } catch {
    return written;
  }
}
