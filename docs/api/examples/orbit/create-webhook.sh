# POST /api/v1/webhooks
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/webhooks" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{ \"url\": \"$ORBIT_WEBHOOK_URL\", \"events\": [\"whatsapp.call.*\"], \"description\": \"CRM\" }"
