"""Sets the hours in which the number takes calls, in the time zone TIMEZONE."""

import json
import os

from d360 import ask

hours = {
    "status": "ENABLED",
    "timezone_id": os.environ["TIMEZONE"],
    "weekly_operating_hours": [{"day_of_week": "MONDAY", "open_time": "0900", "close_time": "1700"}],
}
settings = {"calling": {"status": "ENABLED", "call_hours": hours}}
print(json.dumps(ask("POST", "/calling/settings", settings)))
