//! Ends and claims: what a turn of the Scheduler writes, and may write in one transaction.

use jiff::Timestamp;

use super::{
    Claim, Settled, Store, StoreError, Wanted, ask::at_once, connection::Db, many::ROWS,
    rows::RawJob, settle::settle, take::Take,
};
use crate::fail_points;

/// What became of ends and claims that shared a transaction.
#[derive(Debug)]
pub struct Shared {
    /// For each end what [`Store::settle`] says of it.
    pub ours: Vec<bool>,
    /// For each that was wanted, in the same order. Claims within a queue's limits are transactions of their own, which
    /// may have no answer.
    pub claims: Vec<Result<Claim, StoreError>>,
}

impl Store {
    /// Whether it pays to write these ends and to claim in one transaction, and harms nobody.
    ///
    /// On SQLite it saves a commit. On PostgreSQL, where a statement is a transaction by itself, a begin and a commit
    /// around several take longer than the commits that they save. And only the ends of tasks that were completed wait
    /// for claims: until it is written down that a letter was handed over, it is sent again should the process die.
    pub fn shares(&self, ends: &[Settled]) -> bool {
        matches!(self.db, Db::Sqlite { .. }) && ends.iter().all(Settled::may_wait)
    }

    /// Writes down how attempts ended, and then claims what is wanted, in one transaction: all of it or nothing.
    pub async fn settle_and_claim(
        &self,
        ends: &[Settled],
        wanted: &[Wanted<'_>],
        owner: &str,
        now: Timestamp,
    ) -> Result<Shared, StoreError> {
        let takes = wanted.iter().map(|wanted| self.take(wanted, owner, now));
        let (ours, taken) = self.together(ends, takes.collect()).await?;
        let mut claims = Vec::with_capacity(wanted.len());
        for (wanted, freely) in wanted.iter().zip(taken) {
            claims.push(self.claimed(wanted, freely, owner, now).await);
        }
        Ok(Shared { ours, claims })
    }

    /// Writes down ends, and begins attempts: without regard to limits, and where a kind is known.
    pub(super) async fn together(
        &self,
        ends: &[Settled],
        takes: Vec<Option<Take>>,
    ) -> Result<(Vec<bool>, Vec<Vec<RawJob>>), StoreError> {
        let statements = ends.len().div_ceil(ROWS) + takes.iter().flatten().count();
        let several = statements > 1 || ends.iter().any(Settled::says_more);
        let all = ends.to_vec();
        let (ours, followers, taken) = at_once!(self, if several, |c| {
            let batch = all.as_slice();
            let (ours, followers) = settle!(c, batch);
            if !batch.is_empty() {
                fail_points::pass!("settle.before_commit", "{batch:?}");
            }
            let mut taken = Vec::with_capacity(takes.len());
            for take in takes {
                let mut jobs: Vec<RawJob> = Vec::new();
                if let Some(take) = take {
                    jobs = c.rows(take).await?;
                    fail_points::pass!("claim.before_commit");
                }
                taken.push(jobs);
            }
            Ok::<_, StoreError>((ours, followers, taken))
        })?;
        self.tell(followers);
        if !ends.is_empty() {
            fail_points::pass!("settle.after_commit", "{ends:?}");
        }
        Ok((ours, taken))
    }
}
