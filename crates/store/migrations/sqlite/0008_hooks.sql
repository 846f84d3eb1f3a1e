-- Hooks: customers' addresses, and what is on its way to them.
-- Instants are microseconds since the epoch. The twin in ../postgres has the same number and meaning.

-- `place` is the last place in the tenant's log from which deliveries were made; `last_n` the number of the
-- last delivery.
CREATE TABLE hooks (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  url TEXT NOT NULL,
  dress TEXT NOT NULL,
  number_id TEXT,
  topics TEXT NOT NULL,
  description TEXT,
  active INTEGER NOT NULL,
  disabled TEXT,
  failures INTEGER NOT NULL,
  failing_since INTEGER,
  secret BLOB NOT NULL,
  previous_secret BLOB,
  previous_until INTEGER,
  headers BLOB,
  place INTEGER NOT NULL,
  last_n INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
) STRICT;
CREATE INDEX hooks_by_tenant ON hooks (tenant, dress);

-- At most one delivery of a thread is `due`; those behind it are `waiting`.
CREATE TABLE deliveries (
  hook TEXT NOT NULL REFERENCES hooks (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  seq INTEGER NOT NULL,
  name TEXT NOT NULL,
  thread TEXT NOT NULL,
  state TEXT NOT NULL,
  due_at INTEGER,
  tries INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  attempt TEXT,
  PRIMARY KEY (hook, n)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (hook, due_at, n) WHERE state = 'due';
CREATE INDEX deliveries_by_thread ON deliveries (hook, thread, n, created_at, state) WHERE state IN ('due', 'waiting');
CREATE INDEX deliveries_dead ON deliveries (hook, n) WHERE state = 'dead';
CREATE INDEX deliveries_settled ON deliveries (created_at) WHERE state IN ('delivered', 'dead');

-- Reading the log by id, by time and by call.
CREATE INDEX events_by_id ON events (tenant, id);
CREATE INDEX events_by_time ON events (tenant, at, seq);
CREATE INDEX events_by_call ON events (tenant, call_id, seq) WHERE call_id IS NOT NULL;
