//! Who is logged in: one row a session, under a hash of the token that the browser holds.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    accounts::{Credentials, RawUser},
    connection::{change, read},
    jobs::insert_jobs,
    schema::{sessions, users},
};
use crate::{
    account::{User, UserId},
    queue::NewJob,
};

/// A session that has not expired.
#[derive(Clone, Debug)]
pub struct Session {
    pub user: User,
}

impl Store {
    /// The session under this hash, unless it has expired.
    pub async fn session(&self, hash: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let raw: Option<RawUser> = read!(self, |c| sessions::table
            .inner_join(users::table)
            .filter(sessions::token_hash.eq(hash))
            .filter(sessions::expires_at.gt(now.as_microsecond()))
            .select(RawUser::as_select())
            .first(c)
            .await
            .optional())?;
        Ok(raw
            .map(Credentials::try_from)
            .transpose()?
            .map(|found| Session { user: found.user }))
    }

    /// Begins a session, forgets those that have expired, and enqueues what a log-in starts.
    ///
    /// `replaced` is the hash of the browser's former session, which ends.
    pub async fn log_in(
        &self,
        user: UserId,
        hash: &str,
        replaced: Option<&str>,
        expires_at: Timestamp,
        jobs: &[NewJob],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        change!(self, |c| {
            diesel::delete(
                sessions::table.filter(
                    sessions::expires_at
                        .le(now.as_microsecond())
                        .or(sessions::token_hash.eq(replaced.unwrap_or_default())),
                ),
            )
            .execute(c)
            .await?;
            diesel::insert_into(sessions::table)
                .values((
                    sessions::token_hash.eq(hash),
                    sessions::user_id.eq(user.0),
                    sessions::created_at.eq(now.as_microsecond()),
                    sessions::expires_at.eq(expires_at.as_microsecond()),
                ))
                .execute(c)
                .await?;
            insert_jobs!(c, jobs, now);
            Ok::<_, StoreError>(())
        })
    }

    /// Ends the session under this hash and enqueues what a log-out starts; `false` says that
    /// there was no such session, and then nothing is enqueued.
    pub async fn log_out(
        &self,
        hash: &str,
        jobs: &[NewJob],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        change!(self, |c| {
            let ended = diesel::delete(sessions::table.find(hash))
                .execute(c)
                .await?
                > 0;
            if ended {
                insert_jobs!(c, jobs, now);
            }
            Ok::<_, StoreError>(ended)
        })
    }
}
