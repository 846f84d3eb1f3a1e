-- Contacts, their lists and segments.
-- Instants are microseconds since the epoch. The twin in ../postgres has the same number and meaning.

CREATE TABLE contacts (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  version INTEGER NOT NULL,
  phone TEXT,
  email TEXT,
  first_name TEXT,
  last_name TEXT,
  profile_name TEXT,
  country_code TEXT,
  lifecycle_stage TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  names TEXT NOT NULL,
  searched TEXT NOT NULL,
  facts TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX contacts_by_phone ON contacts (tenant, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX contacts_by_email ON contacts (tenant, email) WHERE email IS NOT NULL;
CREATE INDEX contacts_by_place ON contacts (tenant, place);
CREATE INDEX contacts_by_stage ON contacts (tenant, lifecycle_stage, place);
CREATE INDEX contacts_by_country ON contacts (tenant, country_code, place);

-- Everything there is many of, one row each: tags ('tag'), refused channels ('out'), WhatsApp's user ids ('wa'),
-- and the values of metadata at their paths ('m:' and the path).
CREATE TABLE contact_values (
  contact INTEGER NOT NULL REFERENCES contacts (place) ON DELETE CASCADE,
  tenant TEXT NOT NULL,
  field TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT,
  number REAL
) STRICT;
CREATE INDEX contact_values_of ON contact_values (contact);
CREATE INDEX contact_values_text ON contact_values (tenant, field, text, contact) WHERE text IS NOT NULL;
CREATE INDEX contact_values_number ON contact_values (tenant, field, number, contact) WHERE number IS NOT NULL;
CREATE UNIQUE INDEX contact_user_ids ON contact_values (tenant, text) WHERE field = 'wa';

-- How many there are: counting a million takes longer than anybody waits for a list.
CREATE TABLE contact_totals (
  tenant TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
  total INTEGER NOT NULL
) STRICT;

CREATE TABLE contact_lists (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  name TEXT NOT NULL,
  description TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (tenant, name)
) STRICT;

CREATE TABLE contact_list_members (
  list_id TEXT NOT NULL REFERENCES contact_lists (id) ON DELETE CASCADE,
  contact INTEGER NOT NULL REFERENCES contacts (place) ON DELETE CASCADE,
  PRIMARY KEY (list_id, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_lists_of ON contact_list_members (contact);

-- `members` is kept by every change of a contact.
CREATE TABLE contact_segments (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  name TEXT NOT NULL,
  rule TEXT NOT NULL,
  written TEXT NOT NULL,
  members INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX contact_segments_of ON contact_segments (tenant, created_at);

-- Which three letters occur where. What it finds is looked at again in `contacts.searched`.
CREATE VIRTUAL TABLE contacts_search USING fts5 (
  searched, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1', detail = 'none'
);
INSERT INTO contacts_search (contacts_search, rank) VALUES ('secure-delete', 1);

-- Whom a call was with. Changed when contacts are merged; gone when one is erased.
ALTER TABLE calls ADD COLUMN contact_id TEXT;
CREATE INDEX calls_of_contact ON calls (tenant, contact_id, created_at DESC, id DESC) WHERE contact_id IS NOT NULL;

-- What people write down about a contact.
CREATE TABLE contact_notes (
  id TEXT NOT NULL PRIMARY KEY,
  contact INTEGER NOT NULL REFERENCES contacts (place) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  author TEXT,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX contact_notes_of ON contact_notes (contact, at DESC, id DESC);
