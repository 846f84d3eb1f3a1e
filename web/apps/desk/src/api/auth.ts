/** Who is signed in, and the ticket for the softphone. */

import { call } from './client';

export interface SignedIn {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
}

export async function signIn(email: string, password: string): Promise<SignedIn> {
  return (await call<{ agent: SignedIn }>('POST', '/api/v1/auth/login', { email, password })).agent;
}

export async function whoAmI(): Promise<SignedIn> {
  return (await call<{ agent: SignedIn }>('GET', '/api/v1/auth/me')).agent;
}

export async function signOut(): Promise<void> {
  await call<void>('POST', '/api/v1/auth/logout');
}

export async function ticket(): Promise<string> {
  return (await call<{ token: string }>('POST', '/api/v1/softphone/tokens', {})).token;
}
