/** `window.offhook`: lets a browser test, or a curious person, look at the calls and listen to them. */

import type { Call, Device } from '@offhook/softphone';

interface Hook {
  readonly device: Device;
  readonly calls: Call[];
  remoteStream(callId: string): MediaStream | null;
}

declare global {
  interface Window {
    offhook?: Hook;
  }
}

export function exposeHook(device: Device): void {
  window.offhook = {
    device,
    get calls() {
      return device.calls;
    },
    remoteStream: (callId) => device.calls.find(({ id }) => id === callId)?.getRemoteStream() ?? null,
  };
}
