# PATCH /api/v1/settings/api-keys/{id}/allowed-ips
curl -sS -X PATCH "$ORBIT_BASE_URL/api/v1/settings/api-keys/$ORBIT_KEY/allowed-ips" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{ \"allowed_ips\": [\"198.51.100.7\", \"2001:db8:40::/48\"] }"
