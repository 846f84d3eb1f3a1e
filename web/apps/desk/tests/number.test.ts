import { describe, expect, test } from 'vitest';
import { countryOf } from '../src/dialing/countries';
import { caretAfter, check, format } from '../src/dialing/number';

describe('a number while it is typed', () => {
  test.each([
    ['', ''],
    ['+', '+'],
    ['3', '+3'],
    ['351', '+351'],
    ['3519', '+351 9'],
    ['+351910000002', '+351 910 000 002'],
    ['00351910000002', '+351 910 000 002'],
    ['1 (555) 000-0001', '+1 555 000 0001'],
    ['+447700900123', '+44 7700 900123'],
    ['+33612345678', '+33 6 12 34 56 78'],
    ['+4915112345678', '+49 151 1234 5678'],
    ['call me', ''],
    ['+12345678901234567890', '+1 234 567 8901 2345'],
  ])('%s is shown as %s', (typed, shown) => {
    expect(format(typed)).toBe(shown);
  });

  test('what is shown is what was typed, digit by digit', () => {
    for (const digits of ['351910000002', '15550000001', '447700900123', '8613812345678', '998901234567']) {
      for (let length = 1; length <= digits.length; length += 1) {
        const part = digits.slice(0, length);
        expect(format(format(part)).replace(/\D/g, '')).toBe(part);
      }
    }
  });

  test.each([
    ['+351 910', 3, 4],
    ['+351 910', 4, 6],
    ['+351 910', 0, 1],
    ['+351 910', 6, 8],
  ])('in %s the caret stays behind digit %i', (shown, digits, caret) => {
    expect(caretAfter(shown, digits)).toBe(caret);
  });
});

describe('help with a number', () => {
  test.each([
    ['', { kind: 'empty' }],
    ['+3', { kind: 'partial', hint: 'Go on with the country code' }],
    ['+351', { kind: 'partial', hint: 'Portugal' }],
    ['+351910000002', { kind: 'ready', e164: '+351910000002', hint: 'Portugal', usual: true }],
    ['+35191000000', { kind: 'ready', usual: false, hint: 'Portugal: usually 9 digits after +351' }],
    ['15550000001', { kind: 'ready', e164: '+15550000001', hint: 'United States or Canada' }],
    ['0910000002', { kind: 'wrong', problem: expect.stringContaining('country code') }],
    ['+9991234567', { kind: 'wrong', problem: 'No country code starts with +999. Check the first digits.' }],
  ])('%s', (typed, verdict) => {
    expect(check(typed)).toMatchObject(verdict);
  });

  test('no country code hides another', () => {
    for (const [digits, code] of [
      ['35', null],
      ['351', '351'],
      ['7', '7'],
      ['77', '7'],
      ['20', '20'],
      ['2', null],
      ['212', '212'],
      ['998', '998'],
    ] as const) {
      expect(countryOf(digits)?.code ?? null).toBe(code);
    }
  });
});
