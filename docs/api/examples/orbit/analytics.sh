# GET /api/v1/whatsapp/calling/analytics
curl -sS -X GET "$ORBIT_BASE_URL/api/v1/whatsapp/calling/analytics" \
  -H "X-API-Key: $ORBIT_API_KEY"
