-- The letters sent while no mail server is set, for the built-in mailbox page.
CREATE TABLE letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    source BLOB NOT NULL,                -- as a mail server would have got it
    sent_at BIGINT NOT NULL
);
