-- For operators who look for the few that failed among the many that did not.
CREATE INDEX jobs_discarded ON jobs (id) WHERE state = 'discarded';
CREATE INDEX jobs_cancelled ON jobs (id) WHERE state = 'cancelled';
