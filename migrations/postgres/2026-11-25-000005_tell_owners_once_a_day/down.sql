DROP INDEX signups_telling;
ALTER TABLE signups DROP COLUMN told_by;
