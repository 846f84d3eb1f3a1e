# POST /api/v1/whatsapp/connections/{phone_number_id}/calling/enable
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"]}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/whatsapp/connections/" + os.environ["ORBIT_FROM"] + "/calling/enable", headers=headers)
print(r.text)
