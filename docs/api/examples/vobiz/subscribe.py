"""Has events sent to WEBHOOK_URL, signed with WEBHOOK_SECRET."""

import json
import os

from vobiz import ask

print(json.dumps(ask("POST", "/webhooks", {"url": os.environ["WEBHOOK_URL"], "secret": os.environ["WEBHOOK_SECRET"]})))
