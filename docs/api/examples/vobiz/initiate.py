"""Places a WhatsApp call with the SDP offer in the file SDP_FILE, to TO, from VOBIZ_CHANNEL_ID."""

import json
import os

from vobiz import ask, description

call = ask(
    "POST",
    "/calls/whatsapp",
    {
        "channel_id": os.environ["VOBIZ_CHANNEL_ID"],
        "to": os.environ["TO"],
        "sdp_offer": description(),
    },
)
print(json.dumps(call))
