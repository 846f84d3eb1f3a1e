/** REST as the server speaks it: `data` inside an envelope, typed errors, a header that proves this is our page. */

export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** 0 when no reply came at all. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const DEADLINE_MS = 15_000;

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export async function call<Data>(method: Method, path: string, body?: unknown): Promise<Data> {
  // A 204 has no envelope, and its callers ask for `void`.
  return (await ask<Data>(method, path, body)).data as Data;
}

/** A page of a list, and where the list goes on. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly cursor: string | null;
}

export async function page<Row>(path: string): Promise<Page<Row>> {
  const { data = [], meta } = await ask<Row[]>('GET', path);
  return { rows: data, cursor: meta?.pagination?.cursor ?? null };
}

async function ask<Data>(method: Method, path: string, body?: unknown): Promise<Envelope<Data>> {
  const headers: Record<string, string> = { 'X-Requested-With': 'offhook', Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(DEADLINE_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, 'unreachable', 'The server cannot be reached. Check your connection and try again.');
  }
  const envelope: Envelope<Data> = await response.json().catch(() => ({}));
  if (!response.ok) {
    const { code = 'unknown', message = `The server replied ${response.status}.` } = envelope.error ?? {};
    throw new ApiError(response.status, code, message);
  }
  return envelope;
}

interface Envelope<Data> {
  data?: Data;
  meta?: { pagination?: { cursor: string | null } };
  error?: { code?: string; message?: string };
}
