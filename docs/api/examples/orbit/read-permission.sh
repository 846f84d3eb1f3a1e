# GET /api/v1/whatsapp/calling/permissions
curl -sS -X GET "$ORBIT_BASE_URL/api/v1/whatsapp/calling/permissions?phone_number_id=$ORBIT_FROM&to=${ORBIT_TO#+}" \
  -H "X-API-Key: $ORBIT_API_KEY"
