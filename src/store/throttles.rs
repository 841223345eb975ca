//! How often somebody may try, counted in the database so that all instances count together.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{Store, StoreError, connection::change, rows::instant, schema::throttles};
use crate::queue::Rate;

impl Store {
    /// Charges one try to `subject` under `rate`; says how long to wait where it is too many.
    ///
    /// The generic cell rate algorithm keeps a single instant for each subject: when the next
    /// try would be due if all tries came evenly.
    pub async fn charge(
        &self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Result<(), Duration>, StoreError> {
        let now_us = now.as_microsecond();
        change!(self, |c| {
            // An instant that has passed says nothing any more. Forgotten before anything else is
            // touched, so that two who forget the same wait for each other and never in a circle.
            diesel::delete(throttles::table.filter(throttles::allowed_at.lt(now_us)))
                .execute(c)
                .await?;
            // Writes nothing new, and yet keeps whoever else charges the same subject waiting: of two
            // who read the same instant one would be let in for nothing.
            let stored: i64 = diesel::insert_into(throttles::table)
                .values((
                    throttles::subject.eq(subject),
                    throttles::allowed_at.eq(now_us),
                ))
                .on_conflict(throttles::subject)
                .do_update()
                .set(throttles::subject.eq(subject))
                .returning(throttles::allowed_at)
                .get_result(c)
                .await?;
            let judged = rate.judge(Some(instant(stored)?), now);
            if let Ok(next) = judged {
                diesel::update(throttles::table.find(subject))
                    .set(throttles::allowed_at.eq(next.as_microsecond()))
                    .execute(c)
                    .await?;
            }
            Ok::<_, StoreError>(judged.map(|_| ()))
        })
    }
}
