-- What rules test of a contact, in the order contacts were made: a sixth of what reading the rows reads.
-- The twin in ../postgres has the same number and meaning.

DROP INDEX contacts_by_place;
CREATE INDEX contacts_by_place
  ON contacts (tenant, place, created_at, updated_at, first_name, last_name, profile_name);
