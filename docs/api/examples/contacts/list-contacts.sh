# GET /api/v1/contacts
curl -sS -X GET "$ORBIT_BASE_URL/api/v1/contacts?search=jane&lifecycle_stage=lead&limit=20" \
  -H "X-API-Key: $ORBIT_API_KEY"
