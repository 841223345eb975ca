//! How often somebody may try, counted in the database so that all instances count together.

use std::time::Duration;

use diesel::{prelude::*, upsert::excluded};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{Store, StoreError, connection::change, rows::instant, schema::throttles};
use crate::account::Rate;

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
            let stored: Option<i64> = throttles::table
                .find(subject)
                .select(throttles::allowed_at)
                .first(c)
                .await
                .optional()?;
            let judged = rate.judge(stored.map(instant).transpose()?, now);
            if let Ok(next) = judged {
                diesel::insert_into(throttles::table)
                    .values((
                        throttles::subject.eq(subject),
                        throttles::allowed_at.eq(next.as_microsecond()),
                    ))
                    .on_conflict(throttles::subject)
                    .do_update()
                    .set(throttles::allowed_at.eq(excluded(throttles::allowed_at)))
                    .execute(c)
                    .await?;
                // An instant that has passed says nothing any more.
                diesel::delete(throttles::table.filter(throttles::allowed_at.lt(now_us)))
                    .execute(c)
                    .await?;
            }
            Ok::<_, StoreError>(judged.map(|_| ()))
        })
    }
}
