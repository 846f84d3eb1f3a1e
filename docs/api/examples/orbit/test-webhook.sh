# POST /api/v1/webhooks/{id}/test
curl -sS -X POST "$ORBIT_BASE_URL/api/v1/webhooks/$ORBIT_WEBHOOK/test" \
  -H "X-API-Key: $ORBIT_API_KEY"
