# PUT /api/v1/contacts/{id}/preferences
curl -sS -X PUT "$ORBIT_BASE_URL/api/v1/contacts/$ORBIT_CONTACT/preferences" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
  "preferences": {
    "sms": true,
    "whatsapp": true,
    "email": false
  }
}'
