/** What is known of a person's consent to be called, in words. */

import type { PermissionView } from '@offhook/softphone';

/** One line for beside a number. */
export function consentInWords(view: PermissionView, now = new Date()): string {
  if (!view.can_call && view.next_call_at !== undefined)
    return `Can be called again after ${when(view.next_call_at, now)}`;
  switch (view.status) {
    case 'granted':
      return view.expires_at === undefined
        ? 'Has permitted calls'
        : `May be called until ${when(view.expires_at, now)}`;
    case 'requested':
      return 'Has been asked for permission';
    case 'refused':
      return 'Does not want calls';
    case 'expired':
      return 'The permission to call has expired';
    case 'none':
      return 'Has not permitted calls yet';
  }
}

/** When they can be asked again; null when that is now, or not about time. */
export function nextAsk(view: PermissionView, now = new Date()): string | null {
  if (view.can_ask || view.next_ask_at === undefined) return null;
  return `They can be asked again after ${when(view.next_ask_at, now)}.`;
}

function when(text: string, now: Date): string {
  const at = new Date(text);
  const time = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false }).format(at);
  if (at.toDateString() === now.toDateString()) return time;
  const day = new Intl.DateTimeFormat('en', { weekday: 'short', day: 'numeric', month: 'short' }).format(at);
  return `${day}, ${time}`;
}
