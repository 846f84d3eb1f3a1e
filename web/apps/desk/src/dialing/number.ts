/** E.164 while it is typed: what it is, how to show it, what is wrong with it. Pure. */

import { countryOf, mayBecomeCountry } from './countries';

/** E.164 allows fifteen digits; nobody on WhatsApp has fewer than seven. */
const MOST_DIGITS = 15;
const FEWEST_DIGITS = 7;

/** How the digits after the calling code are grouped; three by three where not listed. */
const GROUPS: Record<string, readonly number[]> = {
  '1': [3, 3, 4],
  '7': [3, 3, 2, 2],
  '33': [1, 2, 2, 2, 2],
  '34': [3, 3, 3],
  '39': [3, 3, 4],
  '44': [4, 6],
  '49': [3, 4, 4],
  '55': [2, 5, 4],
  '91': [5, 5],
};

/** Digits of whatever was typed or pasted: `00` at the start means `+`. */
function digitsOf(text: string): string {
  const digits = text.replace(/\D/g, '');
  const plain = !text.trim().startsWith('+') && digits.startsWith('00') ? digits.slice(2) : digits;
  return plain.slice(0, MOST_DIGITS);
}

/** `+351 910 000 002`, also for a number that is not complete. */
export function format(text: string): string {
  const digits = digitsOf(text);
  if (digits === '') return text.trim().startsWith('+') ? '+' : '';
  const code = countryOf(digits)?.code ?? '';
  const parts = [code];
  let rest = digits.slice(code.length);
  for (const size of GROUPS[code] ?? []) {
    parts.push(rest.slice(0, size));
    rest = rest.slice(size);
  }
  // A last digit alone looks like a slip, so the remainder goes three by three with up to four at the end.
  while (rest.length > 4) {
    parts.push(rest.slice(0, 3));
    rest = rest.slice(3);
  }
  parts.push(rest);
  return `+${parts.filter((part) => part !== '').join(' ')}`;
}

/** Countries where every number has the same length; others are left alone. */
const USUAL: Record<string, number> = { '1': 10, '7': 10, '33': 9, '34': 9, '48': 9, '55': 11, '91': 10, '351': 9 };

export type NumberCheck =
  | { kind: 'empty' }
  | { kind: 'partial'; hint: string }
  | { kind: 'wrong'; problem: string }
  /** `usual` is false when the length is odd for that country: worth a look, no reason to refuse. */
  | { kind: 'ready'; e164: string; hint: string; usual: boolean };

export function check(text: string): NumberCheck {
  const digits = digitsOf(text);
  if (digits === '') return { kind: 'empty' };
  if (digits.startsWith('0')) {
    return { kind: 'wrong', problem: 'Start with the country code, for example +351, without the leading zero.' };
  }
  if (!mayBecomeCountry(digits)) {
    return { kind: 'wrong', problem: `No country code starts with +${digits.slice(0, 3)}. Check the first digits.` };
  }
  const country = countryOf(digits);
  if (country === null) return { kind: 'partial', hint: 'Go on with the country code' };
  if (digits.length < FEWEST_DIGITS) return { kind: 'partial', hint: country.name };
  const length = USUAL[country.code];
  const usual = length === undefined || digits.length === country.code.length + length;
  const hint = usual ? country.name : `${country.name}: usually ${length} digits after +${country.code}`;
  return { kind: 'ready', e164: `+${digits}`, hint, usual };
}

/** Where the caret belongs after formatting: behind as many digits as before. */
export function caretAfter(formatted: string, digitsBefore: number): number {
  if (digitsBefore === 0) return formatted.startsWith('+') ? 1 : 0;
  let seen = 0;
  for (const [index, character] of [...formatted].entries()) {
    if (/\d/.test(character)) seen += 1;
    if (seen === digitsBefore) return index + 1;
  }
  return formatted.length;
}
