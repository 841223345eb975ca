//! Ends and claims: what a turn of the Scheduler writes, and may write at one time.

use futures_util::future::join;
use jiff::Timestamp;

use super::{
    Claim, Settled, Store, StoreError, Wanted, ask::at_once, connection::Db, many::ROWS,
    rows::RawJob, settle::settle, take::Take,
};
use crate::{fail_points, queue::Left};

/// What became of ends and claims that were written at one time.
#[derive(Debug)]
pub struct Shared {
    /// For each end what [`Store::settle`] says of it.
    pub ours: Result<Vec<bool>, StoreError>,
    /// For each that was wanted, in the same order, up to the first of which the database had no answer. Empty where ends
    /// and claims share a transaction (SQLite) and the ends could not be written.
    pub claims: Vec<Result<Claim, StoreError>>,
}

impl Store {
    /// Whether these ends may be written at one time with claims, which saves time: on SQLite it is one transaction, with
    /// one commit, and PostgreSQL does the two side by side, on two connections.
    ///
    /// Only the ends of tasks that were completed: until it is written down that a letter was handed over, it is sent
    /// again should the process die, so that nothing is begun before that.
    pub fn shares(&self, ends: &[Settled]) -> bool {
        ends.iter().all(Settled::may_wait)
    }

    /// Writes down how attempts ended, and claims what is wanted, at one time.
    ///
    /// A claim within a queue's limits comes after the ends, which make room in them; and not at all, but with the word
    /// that there may be something, where these could not be written.
    pub async fn settle_and_claim(
        &self,
        ends: &[Settled],
        wanted: &[Wanted<'_>],
        owner: &str,
        now: Timestamp,
    ) -> Shared {
        let takes = wanted.iter().map(|wanted| self.take(wanted, owner, now));
        let (ours, taken) = match &self.db {
            Db::Sqlite { .. } => match self.together(ends, takes.collect()).await {
                Ok((ours, taken)) => (Ok(ours), taken.into_iter().map(Ok).collect()),
                Err(error) => (Err(error), Vec::new()),
            },
            Db::Postgres(_) => {
                let claims = async {
                    let mut taken = Vec::with_capacity(wanted.len());
                    for take in takes {
                        let one = self.together(&[], vec![take]).await;
                        let is_away = is_away(&one);
                        taken.push(one.map(|(_, taken)| taken.into_iter().flatten().collect()));
                        if is_away {
                            break;
                        }
                    }
                    taken
                };
                join(self.settle(ends), claims).await
            }
        };
        let mut claims = Vec::with_capacity(wanted.len());
        for (wanted, freely) in wanted.iter().zip(taken) {
            let claim = match freely {
                Ok(freely) if freely.is_empty() && ours.is_err() => Ok(Claim {
                    jobs: Vec::new(),
                    left: Left::Perhaps,
                }),
                Ok(freely) => self.claimed(wanted, freely, owner, now).await,
                Err(error) => Err(error),
            };
            let is_away = is_away(&claim);
            claims.push(claim);
            if is_away {
                break;
            }
        }
        Shared { ours, claims }
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

/// Whether whoever asks the next question waits in vain, too.
fn is_away<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(error) if !error.is_about_the_rows())
}
