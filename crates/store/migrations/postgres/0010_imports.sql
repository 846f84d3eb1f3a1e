-- Files of contacts on their way in, and whose calls are whose.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

-- Whose calls are whose, for those who are erased.
CREATE INDEX calls_by_peer ON calls (tenant, peer_phone) WHERE peer_phone IS NOT NULL;
CREATE INDEX calls_by_peer_id ON calls (tenant, peer_user_id) WHERE peer_user_id IS NOT NULL;

-- Entries of the log about people and not about calls.
CREATE INDEX events_of_no_call ON events (tenant, seq) WHERE call_id IS NULL;

-- Files of contacts on their way in. `part` is how many of its parts were read.
CREATE TABLE contact_imports (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  state TEXT NOT NULL,
  columns TEXT NOT NULL,
  part BIGINT NOT NULL,
  total BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  unchanged BIGINT NOT NULL,
  rejected BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX contact_imports_of ON contact_imports (tenant, created_at DESC, id DESC);
CREATE INDEX contact_imports_due ON contact_imports (created_at, id) WHERE state IN ('waiting', 'running');

-- The rows of a file, until it is read.
CREATE TABLE contact_import_parts (
  import TEXT NOT NULL REFERENCES contact_imports (id) ON DELETE CASCADE,
  part BIGINT NOT NULL,
  cells TEXT NOT NULL,
  PRIMARY KEY (import, part)
);

-- The rows that broke a rule.
CREATE TABLE contact_import_rejected (
  import TEXT NOT NULL REFERENCES contact_imports (id) ON DELETE CASCADE,
  line BIGINT NOT NULL,
  reason TEXT NOT NULL,
  cells TEXT NOT NULL,
  PRIMARY KEY (import, line)
);
