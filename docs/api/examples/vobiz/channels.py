"""Lists the channels: the business numbers of the account."""

import json

from vobiz import ask

print(json.dumps(ask("GET", "/channels/whatsapp")))
