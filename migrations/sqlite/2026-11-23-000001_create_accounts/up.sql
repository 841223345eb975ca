-- Instants are microseconds since 1970-01-01 UTC, in every table.

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,               -- as its owner writes it
    username_key TEXT NOT NULL UNIQUE,    -- what uniqueness is judged by
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,          -- a PHC string
    locale TEXT NOT NULL,
    operator BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row for every sign-up that was answered with success. A sign-up with somebody else's
-- address has one too, so that its receipt is like any other; its user is the address's owner.
CREATE TABLE signups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    receipt TEXT NOT NULL UNIQUE,         -- its public name: random, in the receipt's address
    idempotency_key TEXT UNIQUE,          -- what tells a second submit of one form
    fingerprint TEXT NOT NULL,            -- what tells whether a second submit says the same
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    address_taken BOOLEAN NOT NULL,
    username TEXT NOT NULL,
    locale TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX signups_user ON signups (user_id);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,          -- the token itself is known to the browser alone
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- How often somebody may try: one row for every address or account that tried of late.
CREATE TABLE throttles (
    subject TEXT PRIMARY KEY,
    allowed_at BIGINT NOT NULL            -- the theoretical arrival time of the cell rate algorithm
);
CREATE INDEX throttles_age ON throttles (allowed_at);
