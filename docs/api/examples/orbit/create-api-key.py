# POST /api/v1/settings/api-keys
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {"name": "CRM", "type": "secret", "scopes": ["calls:read"], "mode": "live", "expiresIn": "90d"}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/settings/api-keys", headers=headers, json=body)
print(r.text)
