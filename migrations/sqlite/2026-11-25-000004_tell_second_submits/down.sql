ALTER TABLE signups DROP COLUMN password_hash;
