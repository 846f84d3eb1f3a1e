// Lists where events are sent.
import { ask } from './vobiz.mjs';

console.log(JSON.stringify(await ask('GET', '/webhooks')));
