# GET /api/v1/events
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"]}
r = requests.get(os.environ["ORBIT_BASE_URL"] + "/api/v1/events?type=whatsapp.call.declined&limit=1", headers=headers)
print(r.text)
