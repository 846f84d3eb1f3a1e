# GET /api/v1/webhooks/{id}/deliveries
curl -sS -X GET "$ORBIT_BASE_URL/api/v1/webhooks/$ORBIT_WEBHOOK/deliveries?limit=1" \
  -H "X-API-Key: $ORBIT_API_KEY"
