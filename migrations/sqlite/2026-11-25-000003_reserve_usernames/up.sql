-- A name is taken by the sign-up that brought it, whether an account came of it or, as the address had one
-- already, none: who could have the name in the second case would know of that account.
ALTER TABLE signups ADD COLUMN username_key TEXT;
UPDATE signups
    SET username_key = (SELECT users.username_key FROM users WHERE users.id = signups.user_id)
    WHERE NOT address_taken;
CREATE UNIQUE INDEX signups_username ON signups (username_key);
