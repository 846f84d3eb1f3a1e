"""Places a WhatsApp call with the SDP offer in the file SDP_FILE, to TO."""

import json
import os

from d360 import act, session

print(json.dumps(act({"to": os.environ["TO"], "action": "connect", **session("offer")})))
