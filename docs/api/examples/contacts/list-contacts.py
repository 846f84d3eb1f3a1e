# GET /api/v1/contacts
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"]}
r = requests.get(os.environ["ORBIT_BASE_URL"] + "/api/v1/contacts?search=jane&lifecycle_stage=lead&limit=20", headers=headers)
print(r.text)
