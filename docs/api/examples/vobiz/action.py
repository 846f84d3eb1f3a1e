"""Does ACTION (pre_accept, accept, reject, terminate) with the call CALL_ID, the first two with an SDP answer."""

import json
import os

from vobiz import ask, description

done = ask(
    "POST",
    "/calls/whatsapp/action",
    {
        "channel_id": os.environ["VOBIZ_CHANNEL_ID"],
        "call_id": os.environ["CALL_ID"],
        "action": os.environ["ACTION"],
        "sdp": description(),
    },
)
print(json.dumps(done))
