/** Webhooks and deliveries in words. Pure. */

import type { Delivery, Dress, Hook } from '$api/hooks';

type Tone = 'plain' | 'warn' | 'danger' | 'accent';

export const DRESS_WORDS: Record<Dress, string> = { orbit: 'Orbit', vobiz: 'Vobiz', meta: 'Meta (360dialog)' };

/** How a webhook is doing. */
export function conditionOf(hook: Hook): { text: string; tone: Tone } {
  if (!hook.active) {
    if (hook.disabled_reason === 'gone') return { text: 'Switched off: it answered 410', tone: 'danger' };
    if (hook.disabled_reason === 'failing') return { text: 'Switched off: it failed too long', tone: 'danger' };
    return { text: 'Paused', tone: 'plain' };
  }
  const { consecutive_failures: failures } = hook;
  if (failures > 0) return { text: failures === 1 ? 'Failed last time' : `Failed ${failures} times`, tone: 'warn' };
  return { text: 'Active', tone: 'accent' };
}

export const STATE_WORDS: Record<Delivery['state'], string> = {
  due: 'On its way',
  waiting: 'Waits its turn',
  delivered: 'Delivered',
  dead: 'Given up',
};

export function toneOf(delivery: Delivery): Tone {
  if (delivery.state === 'delivered') return 'accent';
  if (delivery.state === 'dead') return 'danger';
  return delivery.attempts > 0 ? 'warn' : 'plain';
}

/** What came of the last try: `200 in 34 ms`, or what went wrong. */
export function resultOf({ http_status, response_time_ms, error }: Delivery): string | null {
  const took = response_time_ms === null ? '' : ` in ${response_time_ms} ms`;
  if (http_status !== null) return `${http_status}${took}`;
  return error === null ? null : `${error}${took}`;
}

/** The entries of a text area as headers, one `Name: value` a line; null when a line is none. */
export function headersOf(text: string): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const line of text.split('\n').filter((line) => line.trim() !== '')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    if (colon < 1 || name === '') return null;
    headers[name] = line.slice(colon + 1).trim();
  }
  return headers;
}
