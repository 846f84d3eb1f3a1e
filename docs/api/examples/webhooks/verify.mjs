// Checks the signatures of deliveries, with nothing but Node's own library.
//
// Each line of the input is one delivery: {"headers": {"webhook-id": …}, "body": "…"}, names of headers in small
// letters and the body as it came. SECRET is the webhook's secret.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { SECRET } = process.env;

const sign = (key, text, as) => createHmac('sha256', key).update(text).digest(as);
const same = (one, other) => one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
const fresh = (stamp) => Math.abs(Date.now() / 1000 - Number(stamp)) < 300;

/** Standard Webhooks: every delivery has it. During a rotation there are two signatures. */
function standard(headers, body) {
  const stamp = headers['webhook-timestamp'];
  const key = Buffer.from(SECRET.replace('whsec_', ''), 'base64');
  const expected = `v1,${sign(key, `${headers['webhook-id']}.${stamp}.${body}`, 'base64')}`;
  return fresh(stamp) && headers['webhook-signature'].split(' ').some((one) => same(one, expected));
}

/** X-Devotel-Signature: t=<unix>,v1=<hex>[,v1=<hex>] over "<t>.<body>". */
function orbit(headers, body) {
  const parts = headers['x-devotel-signature'].split(',');
  const stamp = parts.find((part) => part.startsWith('t=')).slice(2);
  const expected = `v1=${sign(SECRET, `${stamp}.${body}`, 'hex')}`;
  return fresh(stamp) && parts.some((part) => same(part, expected));
}

/** X-Webhook-Signature: <hex> over the body. */
const vobiz = (headers, body) => same(headers['x-webhook-signature'], sign(SECRET, body, 'hex'));

/** X-Hub-Signature-256: sha256=<hex> over the body. */
const meta = (headers, body) => same(headers['x-hub-signature-256'], `sha256=${sign(SECRET, body, 'hex')}`);

function isGood({ headers, body }) {
  const dress = headers['x-devotel-signature'] ? orbit : headers['x-webhook-signature'] ? vobiz : meta;
  return dress(headers, body) && standard(headers, body);
}

const deliveries = readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const good = deliveries.filter(isGood).length;
console.log(JSON.stringify({ good, bad: deliveries.length - good }));
