/** Whether single keys do things, kept in this browser. */

const KEY = 'offhook.shortcuts';

export function readSwitch(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off';
  } catch {
    return true;
  }
}

export function writeSwitch(on: boolean): void {
  try {
    localStorage.setItem(KEY, on ? 'on' : 'off');
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}
