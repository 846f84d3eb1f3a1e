#!/bin/sh
# Places a WhatsApp call with the SDP offer in the file $SDP_FILE, to $TO.
set -eu

# The offer as one JSON string: every line ends with \r\n.
offer=$(awk '{ sub(/\r$/, ""); printf "%s\\r\\n", $0 }' "$SDP_FILE")

curl -sS --fail-with-body -X POST \
  "$D360_URL/calling/calls" \
  -H "D360-API-KEY: $D360_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{
    \"messaging_product\": \"whatsapp\",
    \"to\": \"$TO\",
    \"action\": \"connect\",
    \"session\": { \"sdp_type\": \"offer\", \"sdp\": \"$offer\" }
  }"
