"""Does ACTION (pre_accept, accept, reject, terminate) with the call CALL_ID, the first two with an SDP answer."""

import json
import os

from d360 import act, session

body = {"call_id": os.environ["CALL_ID"], "action": os.environ["ACTION"], **session("answer")}
print(json.dumps(act(body)))
