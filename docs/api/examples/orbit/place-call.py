# POST /api/v1/whatsapp/calling/calls
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {"to": os.environ["ORBIT_TO"], "from_phone_number_id": os.environ["ORBIT_FROM"]}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/whatsapp/calling/calls", headers=headers, json=body)
print(r.text)
