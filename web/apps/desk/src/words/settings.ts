/** Words of the settings: roles, scopes, what was done, and when. */

import { ROLES, type AuditEntry, type Role } from '$api/settings';

export const ROLE_WORDS: Record<Role, string> = {
  owner: 'Owner',
  admin: 'Admin',
  developer: 'Developer',
  agent: 'Agent',
  viewer: 'Viewer',
  billing: 'Billing',
};

/** The roles somebody may give: their own and those below. */
export function rolesUpTo(own: string): readonly Role[] {
  const from = ROLES.findIndex((role) => role === own);
  return from < 0 ? [] : ROLES.slice(from);
}

/** What a key can be narrowed to, in words. */
export const SCOPE_WORDS: ReadonlyArray<readonly [string, string]> = [
  ['calls:read', 'See calls'],
  ['calls:write', 'Place and control calls'],
  ['recordings:read', 'Hear recordings'],
  ['recordings:write', 'Erase recordings'],
  ['contacts:read', 'See contacts'],
  ['contacts:write', 'Change contacts'],
  ['numbers:write', 'Change numbers'],
  ['webhooks:read', 'See webhooks'],
  ['webhooks:write', 'Change webhooks'],
  ['events:read', 'Read events'],
  ['settings:write', 'Manage keys and people'],
  ['audit:read', 'Read the audit log'],
];

const ACTIONS: Record<string, string> = {
  'api_key.created': 'made an API key',
  'api_key.rotated': 'replaced an API key',
  'api_key.revoked': 'revoked an API key',
  'api_key.allowed_ips_updated': 'changed where an API key works',
  'api_key.allowed_ips_violation': 'was shown from an address it does not work from',
  'person.added': 'added a person',
  'person.changed': 'changed a person',
  'person.removed': 'removed a person',
  'person.password_changed': 'changed their password',
  'person.owner_reset': 'reset the owner',
  'session.opened': 'signed in',
  'session.closed': 'signed out',
  'session.refused': 'tried to sign in with a wrong password',
  'right.refused': 'was refused: the role or scopes did not allow it',
  'number.added': 'connected a number',
  'number.changed': 'changed a number',
  'calling.enabled': 'switched calling on',
  'calling.disabled': 'switched calling off',
  'webhook.created': 'made a webhook',
  'webhook.changed': 'changed a webhook',
  'webhook.removed': 'removed a webhook',
  'webhook.tested': 'sent a test to a webhook',
  'webhook.secret_rotated': 'made a new secret for a webhook',
  'webhook.replayed': 'sent events again',
  'call.placed': 'placed a call',
  'call.supervised': 'joined a conversation',
  'call.taken_over': 'took a call over',
  'recording.link_made': 'made a link to a recording',
  'recording.heard': 'heard a recording',
  'recording.erased': 'erased recordings',
};

/** What was done; what has no words of its own is told by its name. */
export function deed(action: string): string {
  return ACTIONS[action] ?? action.replace(/[._]/g, ' ');
}

export function actor(entry: AuditEntry): string {
  const { type, name } = entry.actor;
  if (type === 'operator') return 'The operator';
  if (type === 'stranger') return 'Somebody unknown';
  return (type === 'key' ? `Key ${name ?? ''}` : (name ?? '')).trim() || 'Somebody';
}

/** The object before and after, as short as can be. */
export function details(entry: AuditEntry): string | null {
  const short = (value: unknown): string | null => {
    if (value === null || typeof value !== 'object') return null;
    const told = Object.entries(value).filter(([, field]) => field !== null && field !== '' && field !== false);
    return told.map(([name, field]) => `${name.replace(/_/g, ' ')}: ${plain(field)}`).join(' · ');
  };
  const [before, after] = [short(entry.before), short(entry.after)];
  if (before && after) return `${before} → ${after}`;
  return after ?? before;
}

function plain(field: unknown): string {
  return Array.isArray(field) ? field.join(', ') : typeof field === 'object' ? JSON.stringify(field) : String(field);
}

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export const day = (at: string): string => DAY.format(new Date(at));
export const moment = (at: string): string => MOMENT.format(new Date(at));
export const exactly = (at: string): string => EXACT.format(new Date(at));
