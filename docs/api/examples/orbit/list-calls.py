# GET /api/v1/whatsapp/calling/calls
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"]}
r = requests.get(os.environ["ORBIT_BASE_URL"] + "/api/v1/whatsapp/calling/calls", headers=headers)
print(r.text)
