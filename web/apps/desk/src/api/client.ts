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

export async function call<Data>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Data> {
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
  // A 204 has no envelope, and its callers ask for `void`.
  return envelope.data as Data;
}

interface Envelope<Data> {
  data?: Data;
  error?: { code?: string; message?: string };
}
