/** Whether somebody is signed in. */

import { ApiError } from '$api/client';
import * as auth from '$api/auth';

type SessionState = 'unknown' | 'unreachable' | 'in' | 'out';

class Session {
  state = $state<SessionState>('unknown');
  agent = $state.raw<auth.SignedIn | null>(null);

  /** Asks the server, once at the start and again when it could not be reached. */
  async find(): Promise<void> {
    this.state = 'unknown';
    try {
      this.agent = await auth.whoAmI();
      this.state = 'in';
    } catch (error) {
      this.state = error instanceof ApiError && error.status === 401 ? 'out' : 'unreachable';
    }
  }

  async signIn(email: string, password: string): Promise<void> {
    this.agent = await auth.signIn(email, password);
    this.state = 'in';
  }

  async signOut(): Promise<void> {
    // Even when the server cannot be told, this page forgets.
    await auth.signOut().catch(() => undefined);
    this.forget();
  }

  /** What went wrong, for the person; a session that is over is forgotten. */
  explain(error: unknown): string {
    if (!(error instanceof ApiError)) return 'Something went wrong. Try again.';
    if (error.status === 401) this.forget();
    return sentence(error.message);
  }

  /** The server says the session is over. */
  forget(): void {
    this.agent = null;
    this.state = 'out';
  }
}

/** The server's words begin small and end without a stop. */
function sentence(words: string): string {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

export const session = new Session();
