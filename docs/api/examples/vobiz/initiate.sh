#!/bin/sh
# Places a WhatsApp call with the SDP offer in the file $SDP_FILE, to $TO, from $VOBIZ_CHANNEL_ID.
set -eu

# The offer as one JSON string: every line ends with \r\n.
offer=$(awk '{ sub(/\r$/, ""); printf "%s\\r\\n", $0 }' "$SDP_FILE")

curl -sS --fail-with-body -X POST \
  "$VOBIZ_URL/calls/whatsapp" \
  -H "X-Auth-ID: $VOBIZ_AUTH_ID" \
  -H "X-Auth-Token: $VOBIZ_AUTH_TOKEN" \
  -H "Content-Type: application/json" \
  -d "{
    \"channel_id\": \"$VOBIZ_CHANNEL_ID\",
    \"to\": \"$TO\",
    \"sdp_offer\": \"$offer\"
  }"
