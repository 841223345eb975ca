//! What a turn writes: what ended is written down, and what may begin is claimed.

use jiff::Timestamp;

use super::{
    Claim, Settled, Store, StoreError, Wanted, ask::at_once, connection::Db, many::ROWS,
    rows::RawJob, settle::settle, take::Take,
};
use crate::fail_points;

/// An answer for each end that was written, as [`Store::settle`] gives it; and a claim for each that was wanted. That
/// is an error by itself, since the ends are written by then.
type Turn = (Vec<bool>, Result<Vec<Claim>, StoreError>);

impl Store {
    /// Writes down how attempts ended, and then claims what is wanted, in the same order.
    ///
    /// On SQLite that is one transaction where all ends are those of tasks that were completed. Others wait for no claim:
    /// until it is written down that a letter was handed over, it is sent again should the process die. On PostgreSQL,
    /// where a statement is a transaction by itself, a begin and a commit around all of them take longer than the
    /// commits that they save. Claims within a queue's limits are transactions of their own on both.
    pub async fn settle_and_claim(
        &self,
        ends: &[Settled],
        wanted: &[Wanted<'_>],
        owner: &str,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
        if ends.is_empty() && wanted.is_empty() {
            return Ok((Vec::new(), Ok(Vec::new())));
        }
        let shared = ends.iter().all(Settled::may_wait);
        if matches!(self.db, Db::Sqlite { .. }) && shared {
            return self.turn(ends, wanted, owner, now).await;
        }
        let answers = match ends {
            [] => Vec::new(),
            ends => self.turn(ends, &[], owner, now).await?.0,
        };
        let mut claims = Vec::with_capacity(wanted.len());
        for one in wanted.chunks(1) {
            match self
                .turn(&[], one, owner, now)
                .await
                .and_then(|turn| turn.1)
            {
                Ok(claim) => claims.extend(claim),
                Err(error) => return Ok((answers, Err(error))),
            }
        }
        Ok((answers, Ok(claims)))
    }

    /// All of it in one transaction.
    async fn turn(
        &self,
        ends: &[Settled],
        wanted: &[Wanted<'_>],
        owner: &str,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
        let watched = matches!(self.db, Db::Postgres(_));
        let take = |wanted: &Wanted<'_>| Take::of(wanted, owner, now, watched);
        let takes: Vec<_> = wanted.iter().map(take).collect();
        let together = ends.len() > ROWS || ends.iter().any(Settled::says_more);
        let all = ends.to_vec();
        let (answers, followers, taken) = at_once!(self, if together, |c| {
            let batch = all.as_slice();
            let (answers, followers) = settle!(c, batch);
            if !batch.is_empty() {
                fail_points::pass!("settle.before_commit", "{batch:?}");
            }
            let mut taken = Vec::with_capacity(takes.len());
            for take in takes {
                let jobs: Vec<RawJob> = match take {
                    Some(take) => c.rows(take).await?,
                    None => Vec::new(),
                };
                fail_points::pass!("claim.before_commit");
                taken.push(jobs);
            }
            Ok::<_, StoreError>((answers, followers, taken))
        })?;
        self.tell(followers);
        if !ends.is_empty() {
            fail_points::pass!("settle.after_commit", "{ends:?}");
        }
        let claims = self.claims(wanted, taken, owner, now).await;
        Ok((answers, claims))
    }

    async fn claims(
        &self,
        wanted: &[Wanted<'_>],
        taken: Vec<Vec<RawJob>>,
        owner: &str,
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut claims = Vec::with_capacity(wanted.len());
        for (wanted, freely) in wanted.iter().zip(taken) {
            claims.push(self.claimed(wanted, freely, owner, now).await?);
        }
        Ok(claims)
    }
}
