"""Lists calls; QUERY narrows the list, for example "direction=outbound&status=accepted"."""

import json
import os

from vobiz import ask

print(json.dumps(ask("GET", "/calls/whatsapp/logs?page=1&limit=25&" + os.environ.get("QUERY", ""))))
