-- Of the password that came with an address that has an account already. It opens nothing; it tells whether a
-- second submit of the form brings the same.
ALTER TABLE signups ADD COLUMN password_hash TEXT;
