-- Further phone numbers of contacts ('tel' among their values). The twin in ../sqlite has the same number and meaning.

CREATE UNIQUE INDEX contact_other_phones ON contact_values (tenant, text) WHERE field = 'tel';
