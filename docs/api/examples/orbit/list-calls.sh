# GET /api/v1/whatsapp/calling/calls
curl -sS -X GET "$ORBIT_BASE_URL/api/v1/whatsapp/calling/calls" \
  -H "X-API-Key: $ORBIT_API_KEY"
