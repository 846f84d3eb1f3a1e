-- What rules test of a contact, where reading an index is enough. The twin in ../sqlite has the same number and
-- meaning. PostgreSQL refuses rows of an index above 2,704 bytes, and texts may be longer: their beginning is
-- indexed, and the index of places stays as narrow as it is.

DROP INDEX contact_values_text;
CREATE INDEX contact_values_text ON contact_values (tenant, field, left(text, 200), contact, kind)
  WHERE text IS NOT NULL;
