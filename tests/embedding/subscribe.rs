//! Subscribes a user to a newsletter, and keeps in a table of our own since when.

use cadastro::{
    account::UserId,
    jobs::{Context, Done, JobError, Task},
    queue::Job,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

diesel::table! {
    subscriptions (user_id) {
        user_id -> BigInt,
        since -> BigInt,
    }
}

/// A user, and what opens the newsletter's door.
#[derive(Deserialize, Serialize)]
pub struct Subscribe {
    pub user: UserId,
    /// Sealed in the table of jobs, and shown to nobody.
    pub token: String,
}

impl Job for Subscribe {
    const KIND: &'static str = "subscribe";
    const SECRETS: &'static [&'static str] = &["token"];
}

impl Task for Subscribe {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        if !self.token.starts_with("tulip") {
            return Err(JobError::hopeless("the newsletter refuses this token"));
        }
        let (user, since) = (self.user.0, cx.begun().as_microsecond());
        // It may run a second time, which then changes nothing.
        cadastro::change!(cx.store(), |c| {
            diesel::insert_into(subscriptions::table)
                .values((
                    subscriptions::user_id.eq(user),
                    subscriptions::since.eq(since),
                ))
                .on_conflict_do_nothing()
                .execute(c)
                .await
        })?;
        Ok(Done::default())
    }
}
