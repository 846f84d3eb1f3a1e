-- Accounts: what keys, sessions and numbers know besides, and the audit log.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'secret';
ALTER TABLE api_keys ADD COLUMN allowed_ips TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN made_by TEXT;
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;
CREATE INDEX api_keys_by_age ON api_keys (tenant, created_at DESC, id DESC);

ALTER TABLE numbers ADD COLUMN sandbox BIGINT NOT NULL DEFAULT 0;

ALTER TABLE sessions ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET seen_at = opened_at;

-- What a ticket was given for.
ALTER TABLE tickets ADD COLUMN session_hash BYTEA;
ALTER TABLE tickets ADD COLUMN key_id TEXT;

-- Rises whenever somebody of the tenant lost or gained a right.
ALTER TABLE tenants ADD COLUMN rights BIGINT NOT NULL DEFAULT 0;

-- The last place of each audit log and its hash. A log is a tenant's, or the house's own.
CREATE TABLE audit_heads (
  log TEXT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash BYTEA NOT NULL
);

-- Each entry's hash covers the one before it. `address` is sealed.
CREATE TABLE audit (
  log TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT,
  actor_name TEXT,
  action TEXT NOT NULL,
  object_kind TEXT,
  object_id TEXT,
  state_before TEXT,
  state_after TEXT,
  request_id TEXT,
  address_hash TEXT,
  address BYTEA,
  hash BYTEA NOT NULL,
  PRIMARY KEY (log, seq)
);
CREATE INDEX audit_by_actor ON audit (log, actor_id, seq);

CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is only added to';
END;
$$;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_is_only_added_to();
