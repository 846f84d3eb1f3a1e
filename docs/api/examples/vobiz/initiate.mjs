// Places a WhatsApp call with the SDP offer in the file SDP_FILE, to TO, from VOBIZ_CHANNEL_ID.
import { ask, description } from './vobiz.mjs';

const { VOBIZ_CHANNEL_ID, TO } = process.env;

const call = await ask('POST', '/calls/whatsapp', {
  channel_id: VOBIZ_CHANNEL_ID,
  to: TO,
  sdp_offer: description(),
});
console.log(JSON.stringify(call));
