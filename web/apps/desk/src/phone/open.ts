/** The softphone of this page, connected to the server the page came from. */

import { browserEnvironment, Device, type Clock } from '@offhook/softphone';
import { ticket } from '$api/auth';
import { steadyClock } from './clock';

/** One worker for the life of the page, however often somebody signs in. */
let clock: Clock | null = null;

export function openDevice(): Device {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  clock ??= steadyClock();
  const environment = { ...browserEnvironment(), clock };
  return new Device(ticket, { url: `${scheme}://${location.host}/ws`, environment });
}
