// The few lines the Node examples share: a request with the account's credentials.
import { readFileSync } from 'node:fs';

const { VOBIZ_URL, VOBIZ_AUTH_ID, VOBIZ_AUTH_TOKEN, SDP_FILE } = process.env;

export async function ask(method, path, body) {
  const answer = await fetch(VOBIZ_URL + path, {
    method,
    headers: {
      'X-Auth-ID': VOBIZ_AUTH_ID,
      'X-Auth-Token': VOBIZ_AUTH_TOKEN,
      'Content-Type': 'application/json',
    },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

/** The session description in the file SDP_FILE, if there is one. */
export const description = () => SDP_FILE && readFileSync(SDP_FILE, 'utf8');
