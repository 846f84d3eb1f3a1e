-- Lists, search, figures and costs of calls over a million rows.
-- Instants are microseconds since the epoch. The twin in ../postgres has the same number and meaning.

-- What a finished call costs, in ten-thousandths of the currency.
ALTER TABLE calls ADD COLUMN cost INTEGER;
ALTER TABLE calls ADD COLUMN provider_cost INTEGER;
ALTER TABLE calls ADD COLUMN currency TEXT;

-- A list is merged from lanes: one for every number, direction and final state that is asked for. A call enters
-- the lanes of its final state once, when it is over; live calls are few and have an index of their own.
CREATE INDEX calls_by_number ON calls (tenant, number_id, created_at DESC, id DESC);
CREATE INDEX calls_live_of ON calls (tenant, created_at DESC, id DESC)
  WHERE state NOT IN ('completed', 'rejected', 'missed', 'failed');
CREATE INDEX calls_over ON calls (tenant, direction, state, created_at DESC, id DESC)
  WHERE state IN ('completed', 'rejected', 'missed', 'failed');
CREATE INDEX calls_over_by_number ON calls (tenant, number_id, direction, state, created_at DESC, id DESC)
  WHERE state IN ('completed', 'rejected', 'missed', 'failed');

-- What of a call can be found. `place` rises with the second the call was created in, so that the newest are
-- found first; the low fourteen bits tell those of one second apart.
CREATE TABLE call_search (
  place INTEGER NOT NULL PRIMARY KEY,
  call_id TEXT NOT NULL UNIQUE REFERENCES calls (id) ON DELETE CASCADE,
  text TEXT NOT NULL,
  digits TEXT NOT NULL
) STRICT;

-- Grams of one, two and three characters of what can be found, by place. It keeps no text.
CREATE VIRTUAL TABLE call_grams USING fts5 (
  grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE TRIGGER call_search_forgotten AFTER DELETE ON call_search BEGIN
  DELETE FROM call_grams WHERE rowid = OLD.place;
END;
-- Whoever is erased from a call is not found by it either.
CREATE TRIGGER calls_erased AFTER UPDATE OF peer_phone, peer_name ON calls
WHEN (OLD.peer_phone IS NOT NULL AND NEW.peer_phone IS NULL)
  OR (OLD.peer_name IS NOT NULL AND NEW.peer_name IS NULL)
BEGIN
  DELETE FROM call_search WHERE call_id = NEW.id;
END;

-- Calls from before this step, until the program has made them findable.
CREATE TABLE call_search_due (
  call_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
INSERT INTO call_search_due (call_id) SELECT id FROM calls;

-- Figures by quarter of an hour, of each number, and of all under the number ''. They change in the transaction
-- that changes the call.
CREATE TABLE call_figures (
  tenant TEXT NOT NULL,
  number_id TEXT NOT NULL,
  quarter INTEGER NOT NULL,
  currency TEXT NOT NULL,
  total INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  declined INTEGER NOT NULL,
  missed INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  inbound INTEGER NOT NULL,
  outbound INTEGER NOT NULL,
  talked_secs INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  provider_cost INTEGER NOT NULL,
  PRIMARY KEY (tenant, number_id, quarter, currency)
) STRICT, WITHOUT ROWID;
INSERT INTO call_figures
  SELECT tenant, number_id, created_at / 900000000, '', COUNT(*),
    SUM(CASE WHEN state = 'completed' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'rejected' THEN 1 ELSE 0 END),
    SUM(CASE WHEN state = 'missed' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END),
    SUM(CASE WHEN direction = 'inbound' THEN 1 ELSE 0 END),
    SUM(CASE WHEN direction = 'outbound' THEN 1 ELSE 0 END),
    SUM(CASE WHEN state = 'completed' THEN COALESCE(duration_secs, 0) ELSE 0 END), 0, 0
  FROM calls GROUP BY tenant, number_id, created_at / 900000000;
INSERT INTO call_figures
  SELECT tenant, '', quarter, '', SUM(total), SUM(answered), SUM(declined), SUM(missed), SUM(failed), SUM(inbound),
    SUM(outbound), SUM(talked_secs), 0, 0
  FROM call_figures GROUP BY tenant, quarter;
