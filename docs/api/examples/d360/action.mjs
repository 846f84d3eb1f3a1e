// Does ACTION (pre_accept, accept, reject, terminate) with the call CALL_ID, the first two with an SDP answer.
import { act, session } from './d360.mjs';

const { CALL_ID, ACTION } = process.env;

console.log(JSON.stringify(await act({ call_id: CALL_ID, action: ACTION, session: session('answer') })));
