/** Every error of the softphone: a code to branch on, a message to show, a remedy to offer. */

import type { ErrorView } from './protocol';

const WORDS = {
  microphone_denied: [
    'The browser did not allow the microphone.',
    'Allow the microphone for this page in the address bar, then try again.',
  ],
  microphone_missing: ['No microphone was found.', 'Plug in a microphone or headset, then try again.'],
  microphone_busy: [
    'The microphone could not be opened.',
    'Close other programs that use the microphone, then try again.',
  ],
  microphone_lost: [
    'The microphone was unplugged.',
    'Plug it in again, or choose another microphone. The call goes on.',
  ],
  insecure_page: [
    'The browser gives no microphone to a page without encryption.',
    'Open this page over https, or on localhost.',
  ],
  output_refused: ['That speaker could not be used.', 'Choose another speaker.'],
  signed_out: ['You are signed out.', 'Sign in again.'],
  forbidden: ['Your role does not take calls.', 'Ask an administrator for the role of an agent.'],
  ticket_failed: ['The server gave no ticket to connect.', 'It is tried again by itself.'],
  not_connected: ['There is no connection to the server.', 'Wait until the connection is back, then try again.'],
  connection_lost: [
    'The connection to the server was lost before it could reply.',
    'Wait until the connection is back, then try again.',
  ],
  command_timeout: ['The server did not reply in time.', 'Try again.'],
  too_many_commands: ['Too many requests wait for a reply.', 'Wait a moment, then try again.'],
  protocol: ['The server said something this page does not understand.', 'Reload the page.'],
  negotiation_failed: [
    'The browser and WhatsApp could not agree on the sound.',
    'Try again; if it happens again, try another browser.',
  ],
  media_interrupted: ['The sound is interrupted.', 'Check the network; it comes back by itself if it can.'],
  media_failed: [
    'The sound could not reach WhatsApp.',
    'Check that the network lets UDP through, or ask for a TURN server to be configured.',
  ],
  sound_lost: [
    'The sound of this call could not be brought back.',
    'Check the network, then connect the sound again. The call goes on.',
  ],
  vanished: ['The call ended while the connection was lost.', 'Call back if you were not finished.'],
  destroyed: ['This device was destroyed.', 'Create another one.'],
} as const satisfies Record<string, readonly [message: string, remedy: string]>;

/** Codes the softphone itself gives; others come from the server as they are. */
export type SoftphoneErrorCode = keyof typeof WORDS;

export class SoftphoneError extends Error {
  override readonly name = 'SoftphoneError';
  /** Stable, lower snake case: one of `SoftphoneErrorCode`, or the server's own word. */
  readonly code: string;
  /** What to do about it. */
  readonly remedy: string | null;

  constructor(view: ErrorView, cause?: unknown) {
    super(view.message, { cause });
    this.code = view.code;
    this.remedy = view.remedy;
  }

  static of(code: SoftphoneErrorCode, cause?: unknown): SoftphoneError {
    const [message, remedy] = WORDS[code];
    return new SoftphoneError({ code, message, remedy }, cause);
  }

  /** `error` itself when it is one of ours already. */
  static from(error: unknown, otherwise: SoftphoneErrorCode): SoftphoneError {
    return error instanceof SoftphoneError ? error : SoftphoneError.of(otherwise, error);
  }
}

/** What `getUserMedia` throws, in our words. Names: W3C Media Capture and Streams, section 10.6. */
export function microphoneError(cause: unknown): SoftphoneError {
  if (cause instanceof SoftphoneError) return cause;
  const name = cause instanceof Error ? cause.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return SoftphoneError.of('microphone_denied', cause);
  if (name === 'NotFoundError' || name === 'OverconstrainedError') {
    return SoftphoneError.of('microphone_missing', cause);
  }
  return SoftphoneError.of('microphone_busy', cause);
}
