/** REST as the server speaks it: `data` inside an envelope, typed errors, a header that proves this is our page. */

export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** 0 when no reply came at all. */
  readonly status: number;
  readonly code: string;
  readonly details: Details;
  /** Where the code is explained. */
  readonly page: string | null;

  constructor(status: number, code: string, message: string, { details = {}, docs_url = null }: ErrorParts = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
    this.page = docs_url;
  }

  /** The field, or the path in a rule, that is wrong. */
  get field(): string | null {
    return typeof this.details.field === 'string' ? this.details.field : null;
  }
}

/** What a refusal is about, as far as the desk reads it. */
interface Details {
  readonly field?: unknown;
  readonly invalid_events?: unknown;
  readonly contact_id?: unknown;
}

interface ErrorParts {
  readonly details?: Details;
  readonly docs_url?: string | null;
}

const DEADLINE_MS = 15_000;

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export async function call<Data>(method: Method, path: string, body?: unknown): Promise<Data> {
  // A 204 has no envelope, and its callers ask for `void`.
  return (await ask<Data>(method, path, body)).data as Data;
}

/** A page of a list, and where the list goes on. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly cursor: string | null;
  /** How many rows all pages have; null when nobody counted. */
  readonly total: number | null;
}

export async function page<Row>(path: string): Promise<Page<Row>> {
  const { data = [], meta } = await ask<Row[]>('GET', path);
  return { rows: data, cursor: meta?.pagination?.cursor ?? null, total: meta?.pagination?.total ?? null };
}

/** A path with those parameters that say something. */
export function withQuery(path: string, parameters: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Sends a file as it is, however long that takes; `onsent` is told how much of it has gone, from 0 to 1. */
export function upload<Data>(path: string, file: Blob, type: string, onsent: (part: number) => void): Promise<Data> {
  return new Promise((resolve, reject) => {
    // `fetch` does not tell how far it is.
    const request = new XMLHttpRequest();
    request.open('POST', path);
    request.responseType = 'json';
    request.setRequestHeader('X-Requested-With', 'offhook');
    request.setRequestHeader('Content-Type', type);
    request.upload.addEventListener('progress', ({ loaded, total }) => onsent(total > 0 ? loaded / total : 0));
    request.addEventListener('error', () => reject(unreachable()));
    request.addEventListener('load', () => {
      const envelope: Envelope<Data> = request.response ?? {};
      if (request.status >= 200 && request.status < 300) resolve(envelope.data as Data);
      else reject(refusal(request.status, envelope));
    });
    request.send(file);
  });
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
    throw unreachable();
  }
  const envelope: Envelope<Data> = await response.json().catch(() => ({}));
  if (!response.ok) throw refusal(response.status, envelope);
  return envelope;
}

function unreachable(): ApiError {
  return new ApiError(0, 'unreachable', 'The server cannot be reached. Check your connection and try again.');
}

function refusal(status: number, { error, meta }: Envelope<unknown>): ApiError {
  const { code = 'unknown', message = `The server replied ${status}.`, ...rest } = error ?? {};
  return new ApiError(status, code, message, { ...rest, docs_url: meta?.docs_url ?? null });
}

interface Envelope<Data> {
  data?: Data;
  meta?: { pagination?: { cursor: string | null; total?: number | null }; docs_url?: string };
  error?: { code?: string; message?: string; details?: Details };
}
