// Has events sent to WEBHOOK_URL, signed with WEBHOOK_SECRET.
import { ask } from './vobiz.mjs';

const { WEBHOOK_URL, WEBHOOK_SECRET } = process.env;

console.log(JSON.stringify(await ask('POST', '/webhooks', { url: WEBHOOK_URL, secret: WEBHOOK_SECRET })));
