// Sends no more events to the subscription WEBHOOK_ID.
import { ask } from './vobiz.mjs';

console.log(JSON.stringify(await ask('DELETE', `/webhooks/${process.env.WEBHOOK_ID}`)));
