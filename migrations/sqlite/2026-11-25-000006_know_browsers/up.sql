-- The browsers in which users have logged in: what others guess does not shut their owners out of these.
CREATE TABLE browsers (
    token_hash TEXT PRIMARY KEY,          -- the token itself is known to the browser alone
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX browsers_user ON browsers (user_id);
CREATE INDEX browsers_expiry ON browsers (expires_at);
