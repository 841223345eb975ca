//! Who is logged in: one row a session, under a hash of the token that the browser holds.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    accounts::{Credentials, RawUser},
    ask::Ask,
    connection::{change, read},
    insert::insert_jobs,
    schema::{browsers, sessions, throttles, users},
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

/// A session that is to begin, and what changes with it.
#[derive(Clone)]
pub struct NewSession {
    pub user: UserId,
    /// For as long as somebody is logged in; the session of the former token ends.
    pub session: NewToken,
    /// By which the browser is known from now on, whether somebody is logged in or not.
    pub browser: NewToken,
    /// The subject that was charged for this log-in, and the time to be given back to it.
    pub charged: Option<(String, Duration)>,
    /// The hash that the password opened, and the one that is to take its place.
    pub renewed: Option<(String, String)>,
}

/// A token that a browser is given in the place of another.
#[derive(Clone)]
pub struct NewToken {
    /// The browser alone holds the token itself.
    pub hash: String,
    /// Of the former token.
    pub replaced: Option<String>,
    pub expires_at: Timestamp,
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
    pub async fn log_in(
        &self,
        new: &NewSession,
        jobs: &[NewJob],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (user, session, browser) = (new.user.0, &new.session, &new.browser);
        let now_us = now.as_microsecond();
        let former = |token: &NewToken| token.replaced.clone().unwrap_or_default();
        change!(self, |c| {
            // First, as whoever sets a password does, so that the two wait for each other and never in a circle.
            if let Some((stored, renewed)) = &new.renewed {
                diesel::update(users::table.find(user))
                    .filter(users::password_hash.eq(stored))
                    .set(users::password_hash.eq(renewed))
                    .execute(c)
                    .await?;
            }
            diesel::delete(sessions::table)
                .filter(sessions::expires_at.le(now_us))
                .or_filter(sessions::token_hash.eq(former(session)))
                .execute(c)
                .await?;
            diesel::insert_into(sessions::table)
                .values((
                    sessions::token_hash.eq(&session.hash),
                    sessions::user_id.eq(user),
                    sessions::created_at.eq(now_us),
                    sessions::expires_at.eq(session.expires_at.as_microsecond()),
                ))
                .execute(c)
                .await?;
            diesel::delete(browsers::table)
                .filter(browsers::expires_at.le(now_us))
                .or_filter(browsers::token_hash.eq(former(browser)))
                .execute(c)
                .await?;
            diesel::insert_into(browsers::table)
                .values((
                    browsers::token_hash.eq(&browser.hash),
                    browsers::user_id.eq(user),
                    browsers::expires_at.eq(browser.expires_at.as_microsecond()),
                ))
                .execute(c)
                .await?;
            insert_jobs!(self, c, jobs, now);
            // Last, since whoever holds this row waits for no other.
            if let Some((subject, share)) = &new.charged {
                let share = i64::try_from(share.as_micros()).unwrap_or_default();
                diesel::update(throttles::table.find(subject))
                    .set(throttles::allowed_at.eq(throttles::allowed_at - share))
                    .execute(c)
                    .await?;
            }
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
                insert_jobs!(self, c, jobs, now);
            }
            Ok::<_, StoreError>(ended)
        })
    }
}
