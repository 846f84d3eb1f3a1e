-- Numbers whose calls a voice bot takes. The twin in ../sqlite has the same number and meaning.

-- The bot's address, sealed: it may carry a secret. Null where people ring.
ALTER TABLE numbers ADD COLUMN inbound_bot BYTEA;
