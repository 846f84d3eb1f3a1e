/** Passwords for others: a hundred random bits in groups that can be read out. */

const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';

export function fresh(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  // 32 letters: every one is as likely as the others.
  const letters = Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('');
  return letters.replace(/(.{5})(?=.)/g, '$1-');
}
