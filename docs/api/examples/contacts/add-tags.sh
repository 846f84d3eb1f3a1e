# POST /api/v1/contacts/{id}/tags
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/contacts/$ORBIT_CONTACT/tags" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
  "tags": [
    "vip",
    "enterprise"
  ]
}'
