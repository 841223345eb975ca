DROP INDEX jobs_cancelled;
DROP INDEX jobs_discarded;
