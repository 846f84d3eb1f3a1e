-- A first call: tenants, numbers, people, keys, sessions, calls, the event log and Meta's inbox.
-- Instants are microseconds since the epoch. The twin in ../postgres has the same number and meaning.

-- One sealed row that tells at start whether the master key fits.
CREATE TABLE canary (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  sealed BLOB NOT NULL
) STRICT;

CREATE TABLE tenants (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE numbers (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  meta_id TEXT NOT NULL UNIQUE,
  waba_id TEXT NOT NULL,
  phone TEXT NOT NULL,
  media_mode TEXT NOT NULL,
  access_token BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (tenant, id)
) STRICT;

CREATE TABLE people (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  password TEXT NOT NULL,
  presence TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (tenant, id)
) STRICT;

CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  lookup TEXT NOT NULL UNIQUE,
  secret_hash BLOB NOT NULL,
  role TEXT NOT NULL,
  scopes TEXT NOT NULL,
  mode TEXT NOT NULL,
  number_id TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
) STRICT;

CREATE TABLE sessions (
  secret_hash BLOB NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  person_id TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  FOREIGN KEY (tenant, person_id) REFERENCES people (tenant, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE tickets (
  secret_hash BLOB NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  person_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  FOREIGN KEY (tenant, person_id) REFERENCES people (tenant, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

-- `facts` is the whole truth about a call; the columns beside it are what is filtered, sorted or shown.
CREATE TABLE calls (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  number_id TEXT NOT NULL,
  wacid TEXT UNIQUE,
  direction TEXT NOT NULL,
  media_mode TEXT NOT NULL,
  state TEXT NOT NULL,
  end_reason TEXT,
  agent_id TEXT,
  peer_phone TEXT,
  peer_user_id TEXT,
  peer_name TEXT,
  correlation TEXT,
  conversation_id TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  rang_at INTEGER,
  answered_at INTEGER,
  ended_at INTEGER,
  duration_secs INTEGER,
  version INTEGER NOT NULL,
  facts TEXT NOT NULL,
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
) STRICT;
CREATE INDEX calls_by_age ON calls (tenant, created_at DESC, id DESC);
CREATE INDEX calls_live ON calls (created_at, id)
  WHERE state NOT IN ('completed', 'rejected', 'missed', 'failed');

-- Whom a call rang: an agent's missed calls.
CREATE TABLE rings (
  call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL,
  PRIMARY KEY (call_id, person_id)
) STRICT, WITHOUT ROWID;

-- The last place taken in each tenant's log. Updating it is what puts commits in order.
CREATE TABLE logs (
  tenant TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
  head INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
  tenant TEXT NOT NULL REFERENCES logs (tenant),
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  call_id TEXT,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, seq)
) STRICT;

-- Meta's webhooks, element by element. `ordinal` holds the last place given out.
CREATE TABLE inbox (
  id INTEGER NOT NULL PRIMARY KEY,
  fact_key TEXT NOT NULL UNIQUE,
  received_at INTEGER NOT NULL,
  news TEXT NOT NULL,
  raw TEXT NOT NULL,
  done INTEGER NOT NULL
) STRICT;
CREATE INDEX inbox_pending ON inbox (id) WHERE done = 0;

CREATE TABLE inbox_ordinal (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  last INTEGER NOT NULL
) STRICT;
INSERT INTO inbox_ordinal (id, last) VALUES (1, 0);
