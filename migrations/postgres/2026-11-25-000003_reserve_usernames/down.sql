DROP INDEX signups_username;
ALTER TABLE signups DROP COLUMN username_key;
