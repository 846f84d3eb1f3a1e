# POST /api/v1/whatsapp/calling/permissions/request
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/whatsapp/calling/permissions/request" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{ \"phone_number_id\": \"$ORBIT_FROM\", \"to\": \"$ORBIT_TO\", \"body\": \"May we call you?\" }"
