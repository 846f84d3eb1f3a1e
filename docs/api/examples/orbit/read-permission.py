# GET /api/v1/whatsapp/calling/permissions
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"]}
query = {"phone_number_id": os.environ["ORBIT_FROM"], "to": os.environ["ORBIT_TO"]}
r = requests.get(os.environ["ORBIT_BASE_URL"] + "/api/v1/whatsapp/calling/permissions", headers=headers, params=query)
print(r.text)
