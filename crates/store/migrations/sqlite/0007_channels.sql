-- Numbers that clients connect and disconnect, and how many calls there are of each kind.
-- Instants are microseconds since the epoch. The twin in ../postgres has the same number and meaning.

-- A disconnected number keeps its row: its calls name it.
ALTER TABLE numbers ADD COLUMN removed_at INTEGER;

-- What clients say about a number and nobody here decides by.
CREATE TABLE channels (
  number_id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  display_name TEXT,
  onboarding TEXT,
  provider TEXT,
  order_id TEXT,
  updated_at INTEGER NOT NULL,
  FOREIGN KEY (tenant, number_id) REFERENCES numbers (tenant, id)
) STRICT;

-- Exact totals without counting rows. `end_reason` is empty where a call has none.
CREATE TABLE call_counts (
  tenant TEXT NOT NULL,
  number_id TEXT NOT NULL,
  direction TEXT NOT NULL,
  state TEXT NOT NULL,
  end_reason TEXT NOT NULL,
  answered INTEGER NOT NULL,
  rang INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (tenant, number_id, direction, state, end_reason, answered, rang)
) STRICT, WITHOUT ROWID;

INSERT INTO call_counts (tenant, number_id, direction, state, end_reason, answered, rang, calls)
  SELECT tenant, number_id, direction, state, coalesce(end_reason, ''), answered_at IS NOT NULL, rang_at IS NOT NULL,
    count(*)
  FROM calls GROUP BY 1, 2, 3, 4, 5, 6, 7;

CREATE TRIGGER call_counts_born AFTER INSERT ON calls
BEGIN
  INSERT OR IGNORE INTO call_counts (tenant, number_id, direction, state, end_reason, answered, rang, calls)
    VALUES (NEW.tenant, NEW.number_id, NEW.direction, NEW.state, coalesce(NEW.end_reason, ''),
      NEW.answered_at IS NOT NULL, NEW.rang_at IS NOT NULL, 0);
  UPDATE call_counts SET calls = calls + 1
    WHERE tenant = NEW.tenant AND number_id = NEW.number_id AND direction = NEW.direction AND state = NEW.state
      AND end_reason = coalesce(NEW.end_reason, '') AND answered = (NEW.answered_at IS NOT NULL)
      AND rang = (NEW.rang_at IS NOT NULL);
END;

CREATE TRIGGER call_counts_changed
AFTER UPDATE OF number_id, direction, state, end_reason, answered_at, rang_at ON calls
WHEN OLD.state <> NEW.state OR OLD.number_id <> NEW.number_id OR OLD.direction <> NEW.direction
  OR OLD.end_reason IS NOT NEW.end_reason OR (OLD.answered_at IS NULL) <> (NEW.answered_at IS NULL)
  OR (OLD.rang_at IS NULL) <> (NEW.rang_at IS NULL)
BEGIN
  UPDATE call_counts SET calls = calls - 1
    WHERE tenant = OLD.tenant AND number_id = OLD.number_id AND direction = OLD.direction AND state = OLD.state
      AND end_reason = coalesce(OLD.end_reason, '') AND answered = (OLD.answered_at IS NOT NULL)
      AND rang = (OLD.rang_at IS NOT NULL);
  INSERT OR IGNORE INTO call_counts (tenant, number_id, direction, state, end_reason, answered, rang, calls)
    VALUES (NEW.tenant, NEW.number_id, NEW.direction, NEW.state, coalesce(NEW.end_reason, ''),
      NEW.answered_at IS NOT NULL, NEW.rang_at IS NOT NULL, 0);
  UPDATE call_counts SET calls = calls + 1
    WHERE tenant = NEW.tenant AND number_id = NEW.number_id AND direction = NEW.direction AND state = NEW.state
      AND end_reason = coalesce(NEW.end_reason, '') AND answered = (NEW.answered_at IS NOT NULL)
      AND rang = (NEW.rang_at IS NOT NULL);
END;

CREATE TRIGGER call_counts_gone AFTER DELETE ON calls
BEGIN
  UPDATE call_counts SET calls = calls - 1
    WHERE tenant = OLD.tenant AND number_id = OLD.number_id AND direction = OLD.direction AND state = OLD.state
      AND end_reason = coalesce(OLD.end_reason, '') AND answered = (OLD.answered_at IS NOT NULL)
      AND rang = (OLD.rang_at IS NOT NULL);
END;
