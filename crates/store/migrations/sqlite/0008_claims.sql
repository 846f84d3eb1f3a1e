-- Requests that are carried out once, and the answers their repetitions get. Rows live for a day.
-- Instants are microseconds since the epoch. The twin in ../postgres has the same number and meaning.

CREATE TABLE claims (
  tenant TEXT NOT NULL REFERENCES tenants (id),
  name BLOB NOT NULL,
  request BLOB NOT NULL,
  holder TEXT NOT NULL,
  call_id TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  answer BLOB,
  PRIMARY KEY (tenant, name)
) STRICT;
CREATE INDEX claims_by_expiry ON claims (expires_at);
