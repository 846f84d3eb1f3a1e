"""Lists where events are sent."""

import json

from vobiz import ask

print(json.dumps(ask("GET", "/webhooks")))
