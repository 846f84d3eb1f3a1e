"""Reads the number's settings."""

import json

from d360 import ask

print(json.dumps(ask("GET", "/calling/settings")))
