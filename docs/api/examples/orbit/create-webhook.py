# POST /api/v1/webhooks
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {"url": os.environ["ORBIT_WEBHOOK_URL"], "events": ["whatsapp.call.*"], "description": "CRM"}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/webhooks", headers=headers, json=body)
print(r.text)
