/**
 * What can be arranged at a bridged conversation, as methods. Each is one command: it resolves when the server
 * has done it and rejects with the server's refusal. What came of it is in `Call.table`, told by `arranged`.
 */

import { Emitter } from '../emitter';
import type { To, Wish } from '../protocol';

export abstract class Arranged<Events extends Record<keyof Events, unknown[]>> extends Emitter<Events> {
  /** Somebody else is to own it, and this agent leaves at once. It comes back if nobody takes it. */
  transfer(to: To): Promise<void> {
    return this.arrange({ do: 'transfer', to });
  }

  /** Asks somebody first, while the customer waits with music: an attended transfer. */
  consult(to: To): Promise<void> {
    return this.arrange({ do: 'consult', to });
  }

  /** Whoever is asked has the call now, and this agent leaves; while they are still rung, they will when they come. */
  completeTransfer(): Promise<void> {
    return this.arrange({ do: 'complete' });
  }

  /** Nobody is asked or looked for any more: back to the customer. */
  cancelTransfer(): Promise<void> {
    return this.arrange({ do: 'cancel' });
  }

  /** Somebody is to join: a conference. */
  invite(to: To): Promise<void> {
    return this.arrange({ do: 'invite', to });
  }

  /** Whoever is asked joins the conversation with the customer. */
  merge(): Promise<void> {
    return this.arrange({ do: 'merge' });
  }

  remove(agentId: string): Promise<void> {
    return this.arrange({ do: 'remove', agent_id: agentId });
  }

  /** The voice of somebody reaches nobody, or everybody again. */
  muteParty(agentId: string, on = true): Promise<void> {
    return this.arrange({ do: 'mute', agent_id: agentId, on });
  }

  /** The customer waits with music for whoever takes the call, and this agent leaves. */
  park(): Promise<void> {
    return this.arrange({ do: 'park' });
  }

  /** Presses keys for the customer's side: 1 to 32 of `0` to `9`, `*`, `#`, `A` to `D`. */
  sendDigits(digits: string): Promise<void> {
    return this.arrange({ do: 'press', digits });
  }

  /** Plays an announcement to everybody who talks; it is named without its ending. */
  play(clip: string): Promise<void> {
    return this.arrange({ do: 'play', clip });
  }

  stopPlaying(): Promise<void> {
    return this.arrange({ do: 'stop_playing' });
  }

  startRecording(): Promise<void> {
    return this.arrange({ do: 'record' });
  }

  pauseRecording(): Promise<void> {
    return this.arrange({ do: 'pause_recording' });
  }

  resumeRecording(): Promise<void> {
    return this.arrange({ do: 'resume_recording' });
  }

  stopRecording(): Promise<void> {
    return this.arrange({ do: 'stop_recording' });
  }

  protected abstract arrange(wish: Wish): Promise<void>;
}
