#!/bin/sh
# Does $ACTION (pre_accept, accept, reject, terminate) with the call $CALL_ID, the first two with the SDP answer in the
# file $SDP_FILE.
set -eu

session=""
if [ -n "${SDP_FILE:-}" ]; then
  answer=$(awk '{ sub(/\r$/, ""); printf "%s\\r\\n", $0 }' "$SDP_FILE")
  session=", \"session\": { \"sdp_type\": \"answer\", \"sdp\": \"$answer\" }"
fi

curl -sS --fail-with-body -X POST \
  "$D360_URL/calling/calls" \
  -H "D360-API-KEY: $D360_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{
    \"messaging_product\": \"whatsapp\",
    \"call_id\": \"$CALL_ID\",
    \"action\": \"$ACTION\"
    $session
  }"
