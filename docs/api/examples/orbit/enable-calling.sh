# POST /api/v1/whatsapp/connections/{phone_number_id}/calling/enable
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/whatsapp/connections/$ORBIT_FROM/calling/enable" \
  -H "X-API-Key: $ORBIT_API_KEY"
