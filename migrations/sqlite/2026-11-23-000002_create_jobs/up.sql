CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,            -- lower runs first
    args TEXT NOT NULL,                   -- JSON
    attempt INTEGER NOT NULL,             -- the number of the newest attempt; 0 before the first
    max_attempts INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    started_at BIGINT,                    -- of the newest attempt
    finished_at BIGINT,                   -- set in the final states
    owner TEXT,                           -- the instance that makes the newest attempt
    progress INTEGER,                     -- percent
    result TEXT,
    user_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    signup_id BIGINT REFERENCES signups (id) ON DELETE SET NULL
);
-- The state stands in each predicate as a literal, so that the planner can always prove it.
CREATE INDEX jobs_due ON jobs (run_at) WHERE state IN ('scheduled', 'retryable');
CREATE INDEX jobs_available ON jobs (queue, priority, run_at, id) WHERE state = 'available';
CREATE INDEX jobs_executing ON jobs (owner) WHERE state = 'executing';
CREATE INDEX jobs_user ON jobs (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX jobs_signup ON jobs (signup_id) WHERE signup_id IS NOT NULL;

-- The attempts that did not complete their job; the one that did is told by the job itself.
CREATE TABLE attempts (
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    owner TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (job_id, attempt)
);

CREATE TABLE queues (
    name TEXT PRIMARY KEY,
    paused_at BIGINT,
    paused_because TEXT
);

-- The processes that serve; one whose lease has run out is dead, and its jobs are rescued.
CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);
