-- What rules test of a contact, where reading an index is enough: the rows are six times as large.
-- The twin in ../postgres has the same number and meaning.

DROP INDEX contacts_by_place;
CREATE INDEX contacts_by_place
  ON contacts (tenant, place, created_at, updated_at, first_name, last_name, profile_name);

DROP INDEX contact_values_text;
CREATE INDEX contact_values_text ON contact_values (tenant, field, text, contact, kind) WHERE text IS NOT NULL;
