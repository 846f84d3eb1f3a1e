# POST /api/v1/contacts/{id}/tags
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {
    "tags": [
        "vip",
        "enterprise"
    ]
}
r = requests.post(os.environ["ORBIT_BASE_URL"] + "/api/v1/contacts/" + os.environ["ORBIT_CONTACT"] + "/tags", headers=headers, json=body)
print(r.text)
