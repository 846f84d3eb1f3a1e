-- What rules test of a contact, where reading an index is enough. The twin in ../sqlite has the same number and
-- meaning; the index of places stays as narrow as it is here: a row of an index must be short, and names may be long.

DROP INDEX contact_values_text;
CREATE INDEX contact_values_text ON contact_values (tenant, field, text, contact, kind) WHERE text IS NOT NULL;
