/** A server that answers by method and path, and remembers what it was asked. */

import { vi } from 'vitest';

export interface Asked {
  method: string;
  path: string;
  body: unknown;
}

export function serve(answers: Record<string, [status: number, body: unknown]>): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    const method = init.method ?? 'GET';
    asked.push({ method, path, body: typeof init.body === 'string' ? JSON.parse(init.body) : init.body });
    const [status, body] = answers[`${method} ${path}`] ?? [404, { error: { code: 'NOT_FOUND', message: path } }];
    const bare = status === 204;
    return Promise.resolve(new Response(bare ? null : JSON.stringify(body), { status }));
  });
  return asked;
}
