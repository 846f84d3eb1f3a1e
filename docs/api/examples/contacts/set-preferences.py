# PUT /api/v1/contacts/{id}/preferences
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {
    "preferences": {
        "sms": True,
        "whatsapp": True,
        "email": False
    }
}
r = requests.put(os.environ["ORBIT_BASE_URL"] + "/api/v1/contacts/" + os.environ["ORBIT_CONTACT"] + "/preferences", headers=headers, json=body)
print(r.text)
