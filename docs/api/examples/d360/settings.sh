#!/bin/sh
# Reads the number's settings.
set -eu

curl -sS --fail-with-body -X GET \
  "$D360_URL/calling/settings" \
  -H "D360-API-KEY: $D360_API_KEY"
