# POST /api/v1/contacts/segments
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {
    "name": "US Enterprise Leads",
    "rules": {
        "country_code": "US",
        "lifecycle_stage": "lead",
        "tags": {
            "$contains": "enterprise"
        }
    }
}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/contacts/segments", headers=headers, json=body)
print(r.text)
