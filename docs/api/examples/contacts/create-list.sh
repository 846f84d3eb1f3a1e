# POST /api/v1/contacts/lists
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/contacts/lists" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
  "name": "VIP Customers",
  "description": "High-value accounts"
}'
