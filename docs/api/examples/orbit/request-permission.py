# POST /api/v1/whatsapp/calling/permissions/request
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {"phone_number_id": os.environ["ORBIT_FROM"], "to": os.environ["ORBIT_TO"], "body": "May we call you?"}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/whatsapp/calling/permissions/request", headers=headers, json=body)
print(r.text)
