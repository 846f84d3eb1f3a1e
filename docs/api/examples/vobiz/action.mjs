// Does ACTION (pre_accept, accept, reject, terminate) with the call CALL_ID, the first two with an SDP answer.
import { ask, description } from './vobiz.mjs';

const { VOBIZ_CHANNEL_ID, CALL_ID, ACTION } = process.env;

const done = await ask('POST', '/calls/whatsapp/action', {
  channel_id: VOBIZ_CHANNEL_ID,
  call_id: CALL_ID,
  action: ACTION,
  sdp: description(),
});
console.log(JSON.stringify(done));
