// Lists the channels: the business numbers of the account.
import { ask } from './vobiz.mjs';

console.log(JSON.stringify(await ask('GET', '/channels/whatsapp')));
