"""Tells whether the user TO may be called."""

import json
import os

from d360 import ask

print(json.dumps(ask("GET", "/calling/permissions/" + os.environ["TO"])))
