# GET /api/v1/events
curl -sS -X GET "$ORBIT_BASE_URL/api/v1/events?type=whatsapp.call.declined&limit=1" \
  -H "X-API-Key: $ORBIT_API_KEY"
