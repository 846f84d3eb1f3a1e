#!/bin/sh
# Sends no more events to the subscription $WEBHOOK_ID.
set -eu

curl -sS --fail-with-body -X DELETE \
  "$VOBIZ_URL/webhooks/$WEBHOOK_ID" \
  -H "X-Auth-ID: $VOBIZ_AUTH_ID" \
  -H "X-Auth-Token: $VOBIZ_AUTH_TOKEN"
