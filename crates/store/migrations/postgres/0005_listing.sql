-- Lists, search, figures and costs of calls over a million rows.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

-- What a finished call costs, in ten-thousandths of the currency.
ALTER TABLE calls ADD COLUMN cost BIGINT;
ALTER TABLE calls ADD COLUMN provider_cost BIGINT;
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

-- What of a call can be found, and its grams of one, two and three characters with blanks between them.
CREATE TABLE call_search (
  call_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
  text TEXT NOT NULL,
  digits TEXT NOT NULL,
  grams TEXT NOT NULL
);
CREATE INDEX call_grams ON call_search USING gin (string_to_array(grams, ' '));

-- Whoever is erased from a call is not found by it either.
CREATE FUNCTION forget_erased_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM call_search WHERE call_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER calls_erased AFTER UPDATE OF peer_phone, peer_name ON calls FOR EACH ROW
WHEN ((OLD.peer_phone IS NOT NULL AND NEW.peer_phone IS NULL)
  OR (OLD.peer_name IS NOT NULL AND NEW.peer_name IS NULL))
EXECUTE FUNCTION forget_erased_call();

-- Calls from before this step, until the program has made them findable.
CREATE TABLE call_search_due (
  call_id TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
INSERT INTO call_search_due (call_id) SELECT id FROM calls;

-- Figures by quarter of an hour, of each number, and of all under the number ''. They change in the transaction
-- that changes the call.
CREATE TABLE call_figures (
  tenant TEXT NOT NULL,
  number_id TEXT NOT NULL,
  quarter BIGINT NOT NULL,
  currency TEXT NOT NULL,
  total BIGINT NOT NULL,
  answered BIGINT NOT NULL,
  declined BIGINT NOT NULL,
  missed BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  inbound BIGINT NOT NULL,
  outbound BIGINT NOT NULL,
  talked_secs BIGINT NOT NULL,
  cost BIGINT NOT NULL,
  provider_cost BIGINT NOT NULL,
  PRIMARY KEY (tenant, number_id, quarter, currency)
);
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
