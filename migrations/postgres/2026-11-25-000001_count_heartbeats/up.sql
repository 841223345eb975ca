-- The processes that serve. Each counts its heartbeats; the others watch the count, so that nobody need
-- trust anybody's clock. Whoever has no row is dead, and its jobs are rescued.
DROP TABLE instances;
CREATE TABLE instances (
    id TEXT PRIMARY KEY,                  -- random, a new one for every life
    process TEXT NOT NULL,                -- which process of which machine, so that a neighbour can look for it
    beats BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

-- How many attempts in a row ended with their process: what tells a job that kills from one that was beside it.
ALTER TABLE jobs ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
