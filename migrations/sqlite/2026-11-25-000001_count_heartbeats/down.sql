ALTER TABLE jobs DROP COLUMN crashes;

DROP TABLE instances;
CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);
