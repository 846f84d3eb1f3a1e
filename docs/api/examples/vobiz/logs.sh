#!/bin/sh
# Lists calls; $QUERY narrows the list, for example "direction=outbound&status=accepted".
set -eu

curl -sS --fail-with-body -X GET \
  "$VOBIZ_URL/calls/whatsapp/logs?page=1&limit=25&${QUERY:-}" \
  -H "X-Auth-ID: $VOBIZ_AUTH_ID" \
  -H "X-Auth-Token: $VOBIZ_AUTH_TOKEN"
