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

  /** The server says the session is over. */
  forget(): void {
    this.agent = null;
    this.state = 'out';
  }
}

export const session = new Session();
