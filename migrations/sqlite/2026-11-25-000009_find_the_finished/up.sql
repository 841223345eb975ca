-- For pruning, which looks in each final state for those that ended longest ago.
CREATE INDEX jobs_finished ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;
