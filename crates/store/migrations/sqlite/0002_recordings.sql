-- Recordings: one row each, also after the sound is gone.
-- Instants are microseconds since the epoch. The twin in ../postgres has the same number and meaning.

CREATE TABLE recordings (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  call_id TEXT NOT NULL,
  state TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  length_ms INTEGER NOT NULL,
  bytes INTEGER,
  checksum BLOB,
  parties TEXT NOT NULL,
  wrapped_key BLOB NOT NULL,
  consent_mode TEXT NOT NULL,
  announced_at INTEGER,
  announced_until INTEGER,
  expires_at INTEGER NOT NULL,
  deleted_at INTEGER,
  deleted_why TEXT
) STRICT;
CREATE INDEX recordings_by_age ON recordings (tenant, started_at DESC, id DESC);
CREATE INDEX recordings_by_call ON recordings (tenant, call_id);
CREATE INDEX recordings_by_expiry ON recordings (expires_at) WHERE state IN ('complete', 'truncated');
CREATE INDEX recordings_unfinished ON recordings (started_at) WHERE bytes IS NULL AND state <> 'deleted';
