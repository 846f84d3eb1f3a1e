# POST /api/v1/whatsapp/calling/calls
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/whatsapp/calling/calls" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{ \"to\": \"$ORBIT_TO\", \"from_phone_number_id\": \"$ORBIT_FROM\" }"
