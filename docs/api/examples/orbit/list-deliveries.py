# GET /api/v1/webhooks/{id}/deliveries
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"]}
r = requests.get(os.environ["ORBIT_BASE_URL"] + "/api/v1/webhooks/" + os.environ["ORBIT_WEBHOOK"] + "/deliveries?limit=1", headers=headers)
print(r.text)
