/** The softphone of this page, connected to the server the page came from. */

import { Device } from '@offhook/softphone';
import { ticket } from '$api/auth';

export function openDevice(): Device {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return new Device(ticket, { url: `${scheme}://${location.host}/ws` });
}
