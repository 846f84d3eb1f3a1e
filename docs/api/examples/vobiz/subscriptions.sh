#!/bin/sh
# Lists where events are sent.
set -eu

curl -sS --fail-with-body -X GET \
  "$VOBIZ_URL/webhooks" \
  -H "X-Auth-ID: $VOBIZ_AUTH_ID" \
  -H "X-Auth-Token: $VOBIZ_AUTH_TOKEN"
