-- What is enqueued by the calendar; a row is the truth for all instances.
CREATE TABLE crontab (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    args TEXT NOT NULL,                   -- JSON
    schedule TEXT NOT NULL,               -- five fields, or a word such as @daily
    zone TEXT NOT NULL,                   -- an IANA name
    missed TEXT NOT NULL,                 -- skip, once or all:N
    gap TEXT NOT NULL,                    -- after or skip
    fold TEXT NOT NULL,                   -- once or twice
    declared BOOLEAN NOT NULL,            -- by a kind of job, and not by an operator
    enabled BOOLEAN NOT NULL,
    passed_at BIGINT NOT NULL,            -- every instant up to here has fired, or never will
    last_at BIGINT,                       -- the newest instant that fired
    last_job BIGINT                       -- and its job, which may have been forgotten since
);
