//! Forgetting a user: whatever is stored and names them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    ask::Ask,
    connection::change,
    flows::reconsider,
    moves::key_in,
    schema::{attempts, jobs, letters, signups, steps, users},
};
use crate::{
    account::UserId,
    queue::{Ending, State},
};

impl Store {
    /// Forgets a user: their sessions and receipts, what their jobs had to say, and the letters to them.
    /// `false` says that there is no such user.
    ///
    /// The jobs stay, without a name. One that runs is cancelled here and now: its attempt goes on, but what
    /// comes of it is a late finish, which is not written down.
    pub async fn delete_user(&self, id: UserId, at: Timestamp) -> Result<bool, StoreError> {
        let now = at.as_microsecond();
        let (gone, followers) = change!(self, |c| {
            let mut followers = Vec::new();
            let found = users::table.find(id.0).select(users::email);
            let Some(email) = found.first::<String>(c).await.optional()? else {
                return Ok::<_, StoreError>((false, followers));
            };
            // Each set of jobs by an index of its own; those of the user's own sign-up are in both.
            macro_rules! silence {
                ($theirs:expr) => {{
                    type Cut = (i64, i32, Option<String>, Option<i64>);
                    // Before the letters: one that is being kept waits for this, or this for it.
                    let cut: Vec<Cut> = diesel::update(jobs::table.filter($theirs))
                        .filter(jobs::state.eq(State::Executing.word()))
                        .set((
                            jobs::state.eq(State::Cancelled.word()),
                            jobs::finished_at.eq(now),
                            jobs::progress.eq(None::<i32>),
                            jobs::message.eq(None::<String>),
                            jobs::unique_key.eq(key_in!(State::Cancelled)),
                        ))
                        .returning((jobs::id, jobs::attempt, jobs::owner, jobs::started_at))
                        .get_results(c)
                        .await?;
                    diesel::update(jobs::table.filter($theirs))
                        .filter(jobs::result.is_not_null())
                        .set(jobs::result.eq(None::<String>))
                        .execute(c)
                        .await?;
                    let theirs = jobs::table.filter($theirs).select(jobs::id);
                    diesel::update(attempts::table.filter(attempts::job_id.eq_any(theirs)))
                        .set(attempts::error.eq(None::<String>))
                        .execute(c)
                        .await?;
                    let cancelled = cut.iter().map(|cut| cut.0).collect();
                    // Those of a job that may yet run keep it from doing twice what it has done.
                    let over = jobs::table
                        .filter($theirs)
                        .filter(jobs::finished_at.is_not_null());
                    diesel::delete(
                        steps::table.filter(steps::job_id.eq_any(over.select(jobs::id))),
                    )
                    .execute(c)
                    .await?;
                    for (job, attempt, owner, started_at) in cut {
                        diesel::insert_into(attempts::table)
                            .values((
                                attempts::job_id.eq(job),
                                attempts::attempt.eq(attempt),
                                attempts::owner.eq(owner.unwrap_or_default()),
                                attempts::started_at.eq(started_at.unwrap_or(now)),
                                attempts::finished_at.eq(now),
                                attempts::outcome.eq(Ending::Cancelled.word()),
                                attempts::error.eq("the user was deleted"),
                            ))
                            .execute(c)
                            .await?;
                    }
                    followers.extend(reconsider!(c, cancelled, at));
                }};
            }
            silence!(
                jobs::signup_id.eq_any(
                    signups::table
                        .filter(signups::user_id.eq(id.0))
                        .select(signups::id.nullable())
                )
            );
            silence!(jobs::user_id.eq(id.0));
            diesel::delete(letters::table.filter(letters::recipient.eq(&email)))
                .execute(c)
                .await?;
            let gone = diesel::delete(users::table.find(id.0)).execute(c).await?;
            Ok((gone > 0, followers))
        })?;
        self.tell(followers);
        Ok(gone)
    }
}
