// Lists calls; QUERY narrows the list, for example "direction=outbound&status=accepted".
import { ask } from './vobiz.mjs';

console.log(JSON.stringify(await ask('GET', `/calls/whatsapp/logs?page=1&limit=25&${process.env.QUERY ?? ''}`)));
