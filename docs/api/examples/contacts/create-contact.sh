# POST /api/v1/contacts
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/contacts" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
  "phone": "+14155552671",
  "email": "jane@example.com",
  "first_name": "Jane",
  "last_name": "Doe",
  "country_code": "US",
  "lifecycle_stage": "lead",
  "tags": [
    "beta-tester"
  ]
}'
