-- The earlier sign-up whose letter tells the owner of a taken address of this one as well.
ALTER TABLE signups ADD COLUMN told_by BIGINT;
CREATE INDEX signups_telling ON signups (user_id, created_at) WHERE address_taken AND told_by IS NULL;
