/** Which devices were chosen, kept in this browser. */

export interface Choices {
  readonly input: string;
  readonly speaker: string;
  readonly ringer: string;
}

const KEY = 'offhook.devices';

export function recall(): Choices {
  const nothing = { input: '', speaker: '', ringer: '' };
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    const read = (name: keyof Choices) =>
      typeof stored === 'object' && stored !== null && name in stored ? String(Reflect.get(stored, name)) : '';
    return { input: read('input'), speaker: read('speaker'), ringer: read('ringer') };
  } catch {
    // Storage switched off, or filled by something else: start afresh.
    return nothing;
  }
}

export function remember(choices: Choices): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(choices));
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}
