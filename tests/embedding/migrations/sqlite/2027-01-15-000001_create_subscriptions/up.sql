CREATE TABLE subscriptions (
    user_id BIGINT PRIMARY KEY NOT NULL,
    since BIGINT NOT NULL
);
