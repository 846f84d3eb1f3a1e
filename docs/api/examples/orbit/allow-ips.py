# PATCH /api/v1/settings/api-keys/{id}/allowed-ips
import os
import requests

headers = {"X-API-Key": os.environ["ORBIT_API_KEY"], "Content-Type": "application/json"}
body = {"allowed_ips": ["198.51.100.7", "2001:db8:40::/48"]}
r = requests.patch(os.environ["ORBIT_BASE_URL"] + "/api/v1/settings/api-keys/" + os.environ["ORBIT_KEY"] + "/allowed-ips", headers=headers, json=body)
print(r.text)
