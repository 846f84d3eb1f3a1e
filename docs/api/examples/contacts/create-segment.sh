# POST /api/v1/contacts/segments
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/contacts/segments" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
  "name": "US Enterprise Leads",
  "rules": {
    "country_code": "US",
    "lifecycle_stage": "lead",
    "tags": {
      "$contains": "enterprise"
    }
  }
}'
