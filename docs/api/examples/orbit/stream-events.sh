# GET /api/v1/events/stream
# The first event after the one last seen; a program would go on reading.
curl -sS -N --max-time 2 "$ORBIT_BASE_URL/api/v1/events/stream?types=whatsapp.call.*" \
  -H "X-API-Key: $ORBIT_API_KEY" \
  -H "Last-Event-ID: $ORBIT_LAST_EVENT" 2>/dev/null |
  sed -n '/^data: /{s/^data: //p;q;}'
