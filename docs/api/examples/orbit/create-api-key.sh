# POST /api/v1/settings/api-keys
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/settings/api-keys" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{ \"name\": \"CRM\", \"type\": \"secret\", \"scopes\": [\"calls:read\"], \"mode\": \"live\", \"expiresIn\": \"90d\" }"
