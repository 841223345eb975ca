//! Which queues are paused, for all instances.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{change, read},
    rows::instant,
    schema::queues,
};

/// A queue that was paused at least once.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueRow {
    pub name: String,
    pub paused_at: Option<Timestamp>,
    /// Who or what paused it, and why.
    pub because: Option<String>,
}

impl Store {
    /// The queues that were ever paused; any other runs.
    pub async fn queues(&self) -> Result<Vec<QueueRow>, StoreError> {
        let rows: Vec<(String, Option<i64>, Option<String>)> = read!(self, |c| queues::table
            .order(queues::name)
            .select((queues::name, queues::paused_at, queues::paused_because))
            .load(c)
            .await)?;
        rows.into_iter()
            .map(|(name, paused_at, because)| {
                Ok(QueueRow {
                    name,
                    paused_at: paused_at.map(instant).transpose()?,
                    because,
                })
            })
            .collect()
    }

    /// Stops the claiming of a queue's jobs until [`Store::resume_queue`].
    pub async fn pause_queue(
        &self,
        name: &str,
        because: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.set_pause(name, Some(now.as_microsecond()), Some(because))
            .await
    }

    /// Lets a queue's jobs be claimed again.
    pub async fn resume_queue(&self, name: &str) -> Result<(), StoreError> {
        self.set_pause(name, None, None).await
    }

    async fn set_pause(
        &self,
        name: &str,
        at: Option<i64>,
        because: Option<&str>,
    ) -> Result<(), StoreError> {
        change!(self, |c| diesel::insert_into(queues::table)
            .values((
                queues::name.eq(name),
                queues::paused_at.eq(at),
                queues::paused_because.eq(because),
            ))
            .on_conflict(queues::name)
            .do_update()
            .set((queues::paused_at.eq(at), queues::paused_because.eq(because),))
            .execute(c)
            .await)?;
        Ok(())
    }
}
