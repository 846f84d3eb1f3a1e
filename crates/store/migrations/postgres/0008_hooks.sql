-- Hooks: customers' addresses, and what is on its way to them.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

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
  active BIGINT NOT NULL,
  disabled TEXT,
  failures BIGINT NOT NULL,
  failing_since BIGINT,
  secret BYTEA NOT NULL,
  previous_secret BYTEA,
  previous_until BIGINT,
  headers BYTEA,
  place BIGINT NOT NULL,
  last_n BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
);
CREATE INDEX hooks_by_tenant ON hooks (tenant, dress);

-- At most one delivery of a thread is `due`; those behind it are `waiting`.
CREATE TABLE deliveries (
  hook TEXT NOT NULL REFERENCES hooks (id) ON DELETE CASCADE,
  n BIGINT NOT NULL,
  id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  seq BIGINT NOT NULL,
  name TEXT NOT NULL,
  thread TEXT NOT NULL,
  state TEXT NOT NULL,
  due_at BIGINT,
  tries BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  attempt TEXT,
  PRIMARY KEY (hook, n)
);
CREATE INDEX deliveries_due ON deliveries (hook, due_at, n) WHERE state = 'due';
CREATE INDEX deliveries_by_thread ON deliveries (hook, thread, n, created_at, state) WHERE state IN ('due', 'waiting');
CREATE INDEX deliveries_dead ON deliveries (hook, n) WHERE state = 'dead';
CREATE INDEX deliveries_settled ON deliveries (created_at) WHERE state IN ('delivered', 'dead');

-- Reading the log by id, by time and by call.
CREATE INDEX events_by_id ON events (tenant, id);
CREATE INDEX events_by_time ON events (tenant, at, seq);
CREATE INDEX events_by_call ON events (tenant, call_id, seq) WHERE call_id IS NOT NULL;
