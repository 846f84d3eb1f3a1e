-- What rules test of a contact, in the order contacts were made. The twin in ../sqlite has the same number and
-- meaning; here the index stays as narrow as it is: a row of an index must be short, and names may be long.

COMMENT ON INDEX contacts_by_place IS 'The order contacts were made in';
