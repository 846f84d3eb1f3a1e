import { expect, test } from 'vitest';
import { clockOf, type Order } from '../src/phone/clock';

function world() {
  const orders: Order[] = [];
  let tell: (event: { data: unknown }) => void = () => undefined;
  const clock = clockOf({
    postMessage: (order) => void orders.push(order),
    addEventListener: (_type, listener) => (tell = listener),
  });
  return { clock, orders, due: (id: number) => tell({ data: id }) };
}

test('what is due runs, once', () => {
  const { clock, orders, due } = world();
  let runs = 0;
  clock.after(25_000, () => (runs += 1));
  expect(orders).toEqual([{ set: 1, ms: 25_000 }]);
  due(1);
  due(1);
  expect(runs).toBe(1);
});

test('what is cancelled does not run, although the worker was quicker', () => {
  const { clock, orders, due } = world();
  let runs = 0;
  const cancel = clock.after(10, () => (runs += 1));
  cancel();
  cancel();
  due(1);
  expect(runs).toBe(0);
  expect(orders).toEqual([{ set: 1, ms: 10 }, { clear: 1 }]);
});
