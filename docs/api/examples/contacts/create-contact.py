# POST /api/v1/contacts
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {
    "phone": "+14155552671",
    "email": "jane@example.com",
    "first_name": "Jane",
    "last_name": "Doe",
    "country_code": "US",
    "lifecycle_stage": "lead",
    "tags": [
        "beta-tester"
    ]
}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/contacts", headers=headers, json=body)
print(r.text)
