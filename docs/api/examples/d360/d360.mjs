// The few lines the Node examples share: a request with the number's key.
import { readFileSync } from 'node:fs';

const { D360_URL, D360_API_KEY, SDP_FILE } = process.env;

export async function ask(method, path, body) {
  const answer = await fetch(D360_URL + path, {
    method,
    headers: { 'D360-API-KEY': D360_API_KEY, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

export const act = (body) => ask('POST', '/calling/calls', { messaging_product: 'whatsapp', ...body });

/** The session description in the file SDP_FILE, if there is one. */
export const session = (kind) => SDP_FILE && { sdp_type: kind, sdp: readFileSync(SDP_FILE, 'utf8') };
