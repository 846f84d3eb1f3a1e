-- Who may be called from which number, and whether calling is on for a number.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

-- `ledger` is the whole truth about a consent; the columns beside it are what is filtered, sorted or shown.
CREATE TABLE permissions (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  number_id TEXT NOT NULL,
  phone TEXT NOT NULL,
  standing TEXT NOT NULL,
  expires_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  ledger TEXT NOT NULL,
  UNIQUE (number_id, phone),
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
);
CREATE INDEX permissions_by_age ON permissions (tenant, created_at DESC, id DESC);
CREATE INDEX permissions_by_expiry ON permissions (expires_at) WHERE expires_at IS NOT NULL;

-- On until Meta or we say otherwise: about a number nobody has asked about, Meta decides call by call.
ALTER TABLE numbers ADD COLUMN calling_enabled BIGINT NOT NULL DEFAULT 1;
ALTER TABLE numbers ADD COLUMN calling_at BIGINT;
