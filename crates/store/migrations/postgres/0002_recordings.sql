-- Recordings: one row each, also after the sound is gone.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

CREATE TABLE recordings (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  call_id TEXT NOT NULL,
  state TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  length_ms BIGINT NOT NULL,
  bytes BIGINT,
  checksum BYTEA,
  parties TEXT NOT NULL,
  wrapped_key BYTEA NOT NULL,
  consent_mode TEXT NOT NULL,
  announced_at BIGINT,
  announced_until BIGINT,
  expires_at BIGINT NOT NULL,
  deleted_at BIGINT,
  deleted_why TEXT
);
CREATE INDEX recordings_by_age ON recordings (tenant, started_at DESC, id DESC);
CREATE INDEX recordings_by_call ON recordings (tenant, call_id);
CREATE INDEX recordings_by_expiry ON recordings (expires_at) WHERE state IN ('complete', 'truncated');
CREATE INDEX recordings_unfinished ON recordings (started_at) WHERE bytes IS NULL AND state <> 'deleted';
