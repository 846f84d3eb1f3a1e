-- Requests that are carried out once, and the answers their repetitions get. Rows live for a day.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

CREATE TABLE claims (
  tenant TEXT NOT NULL REFERENCES tenants (id),
  name BYTEA NOT NULL,
  request BYTEA NOT NULL,
  holder TEXT NOT NULL,
  call_id TEXT NOT NULL,
  claimed_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  answer BYTEA,
  PRIMARY KEY (tenant, name)
);
CREATE INDEX claims_by_expiry ON claims (expires_at);
