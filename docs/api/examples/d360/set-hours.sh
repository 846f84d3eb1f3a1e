#!/bin/sh
# Sets the hours in which the number takes calls, in the time zone $TIMEZONE.
set -eu

curl -sS --fail-with-body -X POST \
  "$D360_URL/calling/settings" \
  -H "D360-API-KEY: $D360_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{
    \"calling\": {
      \"status\": \"ENABLED\",
      \"call_hours\": {
        \"status\": \"ENABLED\",
        \"timezone_id\": \"$TIMEZONE\",
        \"weekly_operating_hours\": [
          { \"day_of_week\": \"MONDAY\", \"open_time\": \"0900\", \"close_time\": \"1700\" }
        ]
      }
    }
  }"
