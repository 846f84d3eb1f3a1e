#!/bin/sh
# Lists the channels: the business numbers of the account.
set -eu

curl -sS --fail-with-body -X GET \
  "$VOBIZ_URL/channels/whatsapp" \
  -H "X-Auth-ID: $VOBIZ_AUTH_ID" \
  -H "X-Auth-Token: $VOBIZ_AUTH_TOKEN"
