#!/bin/sh
# Does $ACTION (pre_accept, accept, reject, terminate) with the call $CALL_ID, the first two with the SDP answer in the
# file $SDP_FILE.
set -eu

answer=""
if [ -n "${SDP_FILE:-}" ]; then
  answer=$(awk '{ sub(/\r$/, ""); printf "%s\\r\\n", $0 }' "$SDP_FILE")
fi

curl -sS --fail-with-body -X POST \
  "$VOBIZ_URL/calls/whatsapp/action" \
  -H "X-Auth-ID: $VOBIZ_AUTH_ID" \
  -H "X-Auth-Token: $VOBIZ_AUTH_TOKEN" \
  -H "Content-Type: application/json" \
  -d "{
    \"channel_id\": \"$VOBIZ_CHANNEL_ID\",
    \"call_id\": \"$CALL_ID\",
    \"action\": \"$ACTION\",
    \"sdp\": \"$answer\"
  }"
