# POST /api/v1/contacts/lists
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {
    "name": "VIP Customers",
    "description": "High-value accounts"
}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/contacts/lists", headers=headers, json=body)
print(r.text)
