-- Numbers that clients connect and disconnect, and how many calls there are of each kind.
-- Instants are microseconds since the epoch. The twin in ../sqlite has the same number and meaning.

-- A disconnected number keeps its row: its calls name it.
ALTER TABLE numbers ADD COLUMN removed_at BIGINT;

-- What clients say about a number and nobody here decides by.
CREATE TABLE channels (
  number_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  display_name TEXT,
  onboarding TEXT,
  provider TEXT,
  order_id TEXT,
  updated_at BIGINT NOT NULL,
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
);

-- Exact totals without counting rows. `end_reason` is empty where a call has none.
CREATE TABLE call_counts (
  tenant TEXT NOT NULL,
  number_id TEXT NOT NULL,
  direction TEXT NOT NULL,
  state TEXT NOT NULL,
  end_reason TEXT NOT NULL,
  answered INTEGER NOT NULL,
  rang INTEGER NOT NULL,
  calls BIGINT NOT NULL,
  PRIMARY KEY (tenant, number_id, direction, state, end_reason, answered, rang)
);

INSERT INTO call_counts (tenant, number_id, direction, state, end_reason, answered, rang, calls)
  SELECT tenant, number_id, direction, state, coalesce(end_reason, ''), (answered_at IS NOT NULL)::INTEGER,
    (rang_at IS NOT NULL)::INTEGER, count(*)
  FROM calls GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- Two commits of one tenant take their rows one after the other, so that they never wait for each other in a circle.
CREATE FUNCTION count_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (OLD.number_id, OLD.direction, OLD.state, coalesce(OLD.end_reason, ''), OLD.answered_at IS NULL,
        OLD.rang_at IS NULL)
      = (NEW.number_id, NEW.direction, NEW.state, coalesce(NEW.end_reason, ''), NEW.answered_at IS NULL,
        NEW.rang_at IS NULL) THEN
      RETURN NULL;
    END IF;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(coalesce(NEW.tenant, OLD.tenant), 7));
  IF TG_OP IN ('UPDATE', 'DELETE') THEN
    UPDATE call_counts SET calls = calls - 1
      WHERE tenant = OLD.tenant AND number_id = OLD.number_id AND direction = OLD.direction AND state = OLD.state
        AND end_reason = coalesce(OLD.end_reason, '') AND answered = (OLD.answered_at IS NOT NULL)::INTEGER
        AND rang = (OLD.rang_at IS NOT NULL)::INTEGER;
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    INSERT INTO call_counts AS c (tenant, number_id, direction, state, end_reason, answered, rang, calls)
      VALUES (NEW.tenant, NEW.number_id, NEW.direction, NEW.state, coalesce(NEW.end_reason, ''),
        (NEW.answered_at IS NOT NULL)::INTEGER, (NEW.rang_at IS NOT NULL)::INTEGER, 1)
      ON CONFLICT (tenant, number_id, direction, state, end_reason, answered, rang)
      DO UPDATE SET calls = c.calls + 1;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER call_counts AFTER INSERT OR UPDATE OR DELETE ON calls
  FOR EACH ROW EXECUTE FUNCTION count_call();
