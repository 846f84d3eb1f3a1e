# GET /api/v1/events/stream
# The first event after the one last seen; a program would go on reading.
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Last-Event-ID": os.environ["ORBIT_LAST_EVENT"]}
url = os.environ["ORBIT_BASE_URL"] + "/api/v1/events/stream?types=whatsapp.call.*"
with requests.get(url, headers=headers, stream=True) as r:
    for line in r.iter_lines(decode_unicode=True):
        if line.startswith("data: "):
            print(line.removeprefix("data: "))
            break
