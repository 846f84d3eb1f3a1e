/** The worker behind `clock.ts`: sets timers and tells when they are due. */

import type { Order } from './clock';

const timers = new Map<number, ReturnType<typeof setTimeout>>();

addEventListener('message', ({ data: order }: MessageEvent<Order>) => {
  if ('clear' in order) {
    clearTimeout(timers.get(order.clear));
    timers.delete(order.clear);
    return;
  }
  const tell = () => {
    timers.delete(order.set);
    postMessage(order.set);
  };
  timers.set(order.set, setTimeout(tell, order.ms));
});
