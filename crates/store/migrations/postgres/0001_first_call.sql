-- A first call: tenants, numbers, people, keys, sessions, calls, the event log and Meta's inbox.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

-- One sealed row that tells at start whether the master key fits.
CREATE TABLE canary (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  sealed BYTEA NOT NULL
);

CREATE TABLE tenants (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE numbers (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  meta_id TEXT NOT NULL UNIQUE,
  waba_id TEXT NOT NULL,
  phone TEXT NOT NULL,
  media_mode TEXT NOT NULL,
  access_token BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (tenant, id)
);

CREATE TABLE people (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  password TEXT NOT NULL,
  presence TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (tenant, id)
);

CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  lookup TEXT NOT NULL UNIQUE,
  secret_hash BYTEA NOT NULL,
  role TEXT NOT NULL,
  scopes TEXT NOT NULL,
  mode TEXT NOT NULL,
  number_id TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
);

CREATE TABLE sessions (
  secret_hash BYTEA NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  person_id TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (tenant, person_id) REFERENCES people (tenant, id) ON DELETE CASCADE
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE tickets (
  secret_hash BYTEA NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  person_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (tenant, person_id) REFERENCES people (tenant, id) ON DELETE CASCADE
);
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

-- `facts` is the whole truth about a call; the columns beside it are what is filtered, sorted or shown.
-- Ids are compared byte by byte, whatever the database's locale, so that pages sort alike everywhere.
CREATE TABLE calls (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
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
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  rang_at BIGINT,
  answered_at BIGINT,
  ended_at BIGINT,
  duration_secs BIGINT,
  version BIGINT NOT NULL,
  facts TEXT NOT NULL,
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
);
CREATE INDEX calls_by_age ON calls (tenant, created_at DESC, id DESC);
CREATE INDEX calls_live ON calls (created_at, id)
  WHERE state NOT IN ('completed', 'rejected', 'missed', 'failed');

-- Whom a call rang: an agent's missed calls.
CREATE TABLE rings (
  call_id TEXT COLLATE "C" NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL,
  PRIMARY KEY (call_id, person_id)
);

-- The last place taken in each tenant's log. Updating it is what puts commits in order.
CREATE TABLE logs (
  tenant TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
  head BIGINT NOT NULL
);

CREATE TABLE events (
  tenant TEXT NOT NULL REFERENCES logs (tenant),
  seq BIGINT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL,
  call_id TEXT,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, seq)
);

-- Meta's webhooks, element by element. `ordinal` holds the last place given out.
CREATE TABLE inbox (
  id BIGINT NOT NULL PRIMARY KEY,
  fact_key TEXT NOT NULL UNIQUE,
  received_at BIGINT NOT NULL,
  news TEXT NOT NULL,
  raw TEXT NOT NULL,
  done BIGINT NOT NULL
);
CREATE INDEX inbox_pending ON inbox (id) WHERE done = 0;

CREATE TABLE inbox_ordinal (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  last BIGINT NOT NULL
);
INSERT INTO inbox_ordinal (id, last) VALUES (1, 0);
