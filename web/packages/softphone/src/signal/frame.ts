/** Text of a frame to a message, or null for what this version does not know. */

import type { ServerMessage } from '../protocol';

const KNOWN: Record<ServerMessage['type'], true> = {
  welcome: true,
  ice_servers: true,
  ack: true,
  colleagues: true,
  permission: true,
  'call.quality': true,
  error: true,
  event: true,
  pong: true,
  goaway: true,
};

export function readFrame(text: string): ServerMessage | null {
  try {
    const value: unknown = JSON.parse(text);
    return isServerMessage(value) ? value : null;
  } catch {
    return null;
  }
}

/** The server is our own and its types are generated: the tag is the only thing worth checking. */
function isServerMessage(value: unknown): value is ServerMessage {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    Object.hasOwn(KNOWN, value.type)
  );
}
