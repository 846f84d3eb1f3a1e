#!/bin/sh
# Has events sent to $WEBHOOK_URL, signed with $WEBHOOK_SECRET.
set -eu

curl -sS --fail-with-body -X POST \
  "$VOBIZ_URL/webhooks" \
  -H "X-Auth-ID: $VOBIZ_AUTH_ID" \
  -H "X-Auth-Token: $VOBIZ_AUTH_TOKEN" \
  -H "Content-Type: application/json" \
  -d "{ \"url\": \"$WEBHOOK_URL\", \"secret\": \"$WEBHOOK_SECRET\" }"
