# POST /api/v1/webhooks/{id}/test
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"]}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/webhooks/" + os.environ["ORBIT_WEBHOOK"] + "/test", headers=headers)
print(r.text)
