// Places a WhatsApp call with the SDP offer in the file SDP_FILE, to TO.
import { act, session } from './d360.mjs';

console.log(JSON.stringify(await act({ to: process.env.TO, action: 'connect', session: session('offer') })));
