"""Sends no more events to the subscription WEBHOOK_ID."""

import json
import os

from vobiz import ask

print(json.dumps(ask("DELETE", "/webhooks/" + os.environ["WEBHOOK_ID"])))
