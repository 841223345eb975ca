//! Users: found by their number or by what they log in with.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{change, read},
    many::Many,
    rows::{instant, unreadable},
    schema::{browsers, sessions, users},
};
use crate::account::{Login, NewUser, User, UserId};

const INSERT: &str = "INSERT INTO users (username, username_key, email, email_key, password_hash, locale, operator, \
                      created_at) ";

/// What a log-in is judged by.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub user: User,
    /// A PHC string.
    pub password_hash: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(super) struct RawUser {
    id: i64,
    username: String,
    email: String,
    password_hash: String,
    locale: String,
    operator: bool,
    created_at: i64,
}

impl TryFrom<RawUser> for Credentials {
    type Error = StoreError;

    fn try_from(raw: RawUser) -> Result<Self, StoreError> {
        Ok(Credentials {
            user: User {
                id: UserId(raw.id),
                username: raw.username,
                email: raw.email,
                locale: raw.locale.parse().map_err(unreadable)?,
                operator: raw.operator,
                created_at: instant(raw.created_at)?,
            },
            password_hash: raw.password_hash,
        })
    }
}

impl Store {
    /// The user with this number.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let raw = read!(self, |c| users::table
            .find(id.0)
            .select(RawUser::as_select())
            .first(c)
            .await
            .optional())?;
        Ok(raw.map(Credentials::try_from).transpose()?.map(|c| c.user))
    }

    /// The user who logs in with this username or e-mail.
    pub async fn credentials(&self, login: &Login) -> Result<Option<Credentials>, StoreError> {
        let raw = read!(self, |c| {
            let query = users::table.select(RawUser::as_select()).into_boxed();
            let query = match login {
                Login::Username(key) => query.filter(users::username_key.eq(key)),
                Login::Email(key) => query.filter(users::email_key.eq(key)),
            };
            query.first(c).await.optional()
        })?;
        raw.map(Credentials::try_from).transpose()
    }

    /// Up to `limit` users, the newest first, from below `cursor`.
    pub async fn users(&self, cursor: Option<UserId>, limit: i64) -> Result<Vec<User>, StoreError> {
        let below = cursor.map_or(i64::MAX, |UserId(below)| below);
        let raw: Vec<RawUser> = read!(self, |c| users::table
            .filter(users::id.lt(below))
            .order(users::id.desc())
            .limit(limit)
            .select(RawUser::as_select())
            .load(c)
            .await)?;
        raw.into_iter()
            .map(|raw| Ok(Credentials::try_from(raw)?.user))
            .collect()
    }

    /// Adds an operator, who needs no sign-up.
    ///
    /// [`StoreError::Conflict`] says that the username or the e-mail is taken.
    pub async fn create_operator(
        &self,
        new: &NewUser,
        now: Timestamp,
    ) -> Result<UserId, StoreError> {
        let (_, id): (String, i64) = change!(self, |c| insert_users(&[new], true, now)
            .get_result(c)
            .await)?;
        Ok(UserId(id))
    }

    /// Gives a user a new password, ends all of their sessions and forgets their browsers.
    pub async fn set_password(&self, id: UserId, hash: &str) -> Result<(), StoreError> {
        change!(self, |c| {
            diesel::update(users::table.find(id.0))
                .set(users::password_hash.eq(hash))
                .execute(c)
                .await?;
            diesel::delete(sessions::table.filter(sessions::user_id.eq(id.0)))
                .execute(c)
                .await?;
            diesel::delete(browsers::table.filter(browsers::user_id.eq(id.0)))
                .execute(c)
                .await?;
            Ok::<_, StoreError>(())
        })
    }
}

/// Writes users down, and answers with the number of each by the key of their name.
pub(super) fn insert_users<'a>(
    new: &[&'a NewUser],
    operator: bool,
    now: Timestamp,
) -> Many<'a, (Text, BigInt)> {
    let row = |user: &&'a NewUser| {
        vec![
            user.username.shown().into(),
            user.username.key().into(),
            user.email.ascii().into(),
            user.email.key().into(),
            user.password_hash.as_str().into(),
            user.locale.tag().into(),
            operator.into(),
            now.as_microsecond().into(),
        ]
    };
    Many::new(INSERT, new.iter().map(row), " RETURNING username_key, id")
}
