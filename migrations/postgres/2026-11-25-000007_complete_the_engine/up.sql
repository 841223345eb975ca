-- One job for each key. Whatever takes a job out of its unique states takes its key away, for good: no move
-- can collide with a job that came later.
ALTER TABLE jobs ADD COLUMN unique_key TEXT;
ALTER TABLE jobs ADD COLUMN unique_states INTEGER;   -- a bit for each state, in the order of a job's life
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key IS NOT NULL;

ALTER TABLE jobs ADD COLUMN limit_key TEXT;          -- by which its queue counts how many execute at once
ALTER TABLE jobs ADD COLUMN cancel_at BIGINT;        -- somebody said stop while it executed
ALTER TABLE jobs ADD COLUMN message TEXT;            -- what the newest attempt says of its progress
ALTER TABLE jobs ADD COLUMN trace TEXT;              -- the W3C trace context of whoever enqueued it

-- A job may wait for others: it is due once none of them blocks it any more, and its time has come.
ALTER TABLE jobs ADD COLUMN flow BIGINT;             -- the first job of the flow to which it belongs
ALTER TABLE jobs ADD COLUMN blockers INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_flow ON jobs (flow) WHERE flow IS NOT NULL;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (run_at) WHERE state IN ('scheduled', 'retryable') AND blockers = 0;

CREATE TABLE edges (
    before BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    after BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    upon TEXT NOT NULL,                   -- the end of `before` that `after` waits for: success, failure, end
    PRIMARY KEY (before, after)
);
CREATE INDEX edges_after ON edges (after);

-- What a job has done already, so that its next attempt need not do it again.
CREATE TABLE steps (
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    result TEXT NOT NULL,                 -- JSON
    finished_at BIGINT NOT NULL,
    PRIMARY KEY (job_id, name)
);

-- What operators decide of a queue; where a column is null, nothing is limited, or the settings decide.
ALTER TABLE queues ADD COLUMN workers INTEGER;          -- actors, on each instance
ALTER TABLE queues ADD COLUMN at_once INTEGER;          -- jobs that execute, on all instances
ALTER TABLE queues ADD COLUMN at_once_per_key INTEGER;  -- likewise, of one limit_key
ALTER TABLE queues ADD COLUMN rate_jobs INTEGER;        -- so many jobs start in each period, on all instances
ALTER TABLE queues ADD COLUMN rate_period BIGINT;       -- microseconds
ALTER TABLE queues ADD COLUMN rate_at BIGINT;           -- when the next start would be due if all came evenly
