import { expect, test } from 'vitest';
import type { PermissionView } from '@offhook/softphone';
import { consentInWords, nextAsk } from '../src/words/permission';

const NOON = new Date(2026, 10, 2, 12, 0);
const at = (day: number, hour: number) => new Date(2026, 10, day, hour, 30).toISOString();

function view(some: Partial<PermissionView>): PermissionView {
  return { number_id: 'num_1', phone: '+351910000002', status: 'none', can_call: true, can_ask: true, ...some };
}

test('consent is one line beside the number', () => {
  const check = (some: Partial<PermissionView>, words: RegExp) =>
    expect(consentInWords(view(some), NOON)).toMatch(words);
  check({}, /not permitted calls yet/);
  check({ status: 'granted' }, /^Has permitted calls$/);
  check({ status: 'granted', expires_at: at(2, 14) }, /until 14:30$/);
  check({ status: 'granted', expires_at: at(6, 14) }, /until Fri.*14:30$/);
  check({ status: 'refused', can_call: false }, /does not want/i);
  check({ status: 'granted', can_call: false, next_call_at: at(3, 9) }, /again after Tue.*09:30$/);
});

test('who was asked too often is asked again later', () => {
  expect(nextAsk(view({}), NOON)).toBeNull();
  expect(nextAsk(view({ can_ask: false }), NOON)).toBeNull();
  expect(nextAsk(view({ can_ask: false, next_ask_at: at(3, 9) }), NOON)).toMatch(/asked again after Tue.*09:30\.$/);
});
