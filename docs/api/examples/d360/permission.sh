#!/bin/sh
# Tells whether the user $TO may be called.
set -eu

curl -sS --fail-with-body -X GET \
  "$D360_URL/calling/permissions/$TO" \
  -H "D360-API-KEY: $D360_API_KEY"
