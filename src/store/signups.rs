//! Sign-ups: the user, the receipt and the first jobs, all in one transaction.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use diesel::prelude::*;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    accounts::insert_users,
    ask::at_once,
    insert::insert_jobs,
    rounds::{Judged, Verdict, found, insert_signups, judged, rounds},
    rows::{JobRow, RawJob, job_rows},
    schema::{jobs, signups},
};
use crate::{
    account::NewUser,
    fail_points,
    queue::{NewJob, SignupId},
};

/// Somebody who wants an account.
#[derive(Clone, Debug)]
pub struct NewSignup {
    pub user: NewUser,
    /// The random name under which the visitor will find their jobs.
    pub receipt: String,
    /// What a second submit of the same form brings along again.
    pub idempotency_key: Option<String>,
    /// Where the request stands that brought it: the W3C trace context of its jobs.
    pub trace: Option<String>,
}

/// A sign-up that was accepted, just now or by an earlier submit of the same form.
#[derive(Clone, Debug)]
pub struct SignedUp {
    pub receipt: String,
    pub jobs: Vec<JobRow>,
    /// An earlier submit did the work.
    pub repeated: bool,
    /// The address has an account already, and no other was made. For counting alone: nothing that the
    /// visitor sees may differ.
    pub address_taken: bool,
}

/// Why a sign-up was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignupRefusal {
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the idempotency key belongs to another sign-up")]
    KeyReused,
}

/// How long one letter speaks for all that follow it to the owner of a taken address: whoever goes on
/// signing up with it sends no more.
const SPOKEN_FOR: Duration = Duration::from_secs(24 * 3600);

/// The jobs that a sign-up starts.
pub type FirstJobs = Arc<dyn Fn(SignupId) -> Vec<NewJob> + Send + Sync>;

/// Receipt and jobs; whether an earlier submit did the work; whether the address is taken.
type Answer = Result<(String, Vec<RawJob>, bool, bool), SignupRefusal>;

impl Store {
    /// Signs people up, in one transaction, with the jobs that `first_jobs` gives for each.
    ///
    /// Each has an answer of their own. [`StoreError::Conflict`] says that another instance
    /// wrote the same name at the same moment, [`StoreError::Crossed`] that each waited for the other: nothing was
    /// saved, ask again.
    pub async fn sign_up(
        &self,
        batch: &[NewSignup],
        first_jobs: &FirstJobs,
        now: Timestamp,
    ) -> Result<Vec<Result<SignedUp, SignupRefusal>>, StoreError> {
        let spoken_for = now.saturating_sub(SPOKEN_FOR).unwrap_or(Timestamp::MIN);
        let spoken_for = spoken_for.as_microsecond();
        let (store, first_jobs, batch) = (self.clone(), first_jobs.clone(), batch.to_vec());
        let answers: BTreeMap<usize, Answer> = at_once!(self, |c| {
            let mut answers = BTreeMap::new();
            for round in rounds(&batch) {
                let found = c.rows(found(&round)).await?;
                let round = judged(round, found);

                let new: Vec<_> = round.iter().filter_map(Judged::user).collect();
                let mut users = HashMap::new();
                if !new.is_empty() {
                    fail_points::pass!("sign_up.before_user");
                    users.extend(c.rows(insert_users(&new, false, now)).await?);
                    fail_points::pass!("sign_up.after_user");
                }
                let owners: Vec<_> = round.iter().filter_map(Judged::owner).collect();
                let mut told_by = HashMap::new();
                if !owners.is_empty() {
                    // Of several that tell one owner the newest stays.
                    let telling = signups::table
                        .filter(signups::user_id.eq_any(owners))
                        .filter(signups::address_taken)
                        .filter(signups::told_by.is_null())
                        .filter(signups::created_at.gt(spoken_for))
                        .order(signups::created_at)
                        .select((signups::user_id, signups::id));
                    let telling: Vec<(i64, i64)> = c.rows(telling).await?;
                    told_by.extend(telling);
                }
                let rows = round.iter();
                let rows: Vec<_> = rows
                    .filter_map(|judged| judged.row(&users, &told_by, now))
                    .collect();
                let mut numbers = HashMap::new();
                if !rows.is_empty() {
                    let written: Vec<(String, i64)> = c.rows(insert_signups(rows)).await?;
                    numbers.extend(written);
                }

                let jobs_of = |judged: &Judged<'_>| -> Vec<NewJob> {
                    let Some(signup) = numbers.get(&judged.new.receipt) else {
                        return Vec::new();
                    };
                    let signup = SignupId(*signup);
                    // The owner of the address did not ask for these.
                    let user = judged.user();
                    let user = user.and_then(|user| users.get(user.username.key()));
                    let job = |job| NewJob {
                        trace: judged.new.trace.clone(),
                        signup: Some(signup),
                        user: user.copied(),
                        ..job
                    };
                    first_jobs(signup).into_iter().map(job).collect()
                };
                let first: Vec<_> = round.iter().map(jobs_of).collect();
                let all = first.concat();
                let rows = insert_jobs!(store, c, &all, now);
                let mut rows = rows.into_iter().map(|(row, _)| row);

                let earlier: Vec<_> = round.iter().filter_map(Judged::earlier).collect();
                let mut again: HashMap<_, Vec<RawJob>> = HashMap::new();
                if !earlier.is_empty() {
                    let theirs = jobs::table
                        .filter(jobs::signup_id.eq_any(earlier))
                        .order(jobs::id)
                        .select(RawJob::as_select());
                    let theirs: Vec<RawJob> = c.rows(theirs).await?;
                    for row in theirs {
                        again.entry(row.signup_id).or_default().push(row);
                    }
                }
                for (judged, first) in round.into_iter().zip(first) {
                    let receipt = judged.new.receipt.clone();
                    let answer = match judged.verdict {
                        Verdict::Refused(refusal) => Err(refusal),
                        Verdict::Repeated(signup, receipt) => {
                            let rows = again.remove(&Some(signup)).unwrap_or_default();
                            Ok((receipt, rows, true, false))
                        }
                        Verdict::Known(_) => Ok((
                            receipt,
                            rows.by_ref().take(first.len()).collect(),
                            false,
                            true,
                        )),
                        Verdict::New => Ok((
                            receipt,
                            rows.by_ref().take(first.len()).collect(),
                            false,
                            false,
                        )),
                    };
                    answers.insert(judged.place, answer);
                }
            }
            fail_points::pass!("sign_up.before_commit");
            Ok::<_, StoreError>(answers)
        })?;
        fail_points::pass!("sign_up.after_commit");
        answers
            .into_values()
            .map(|answer| match answer {
                Err(refusal) => Ok(Err(refusal)),
                Ok((receipt, rows, repeated, address_taken)) => Ok(Ok(SignedUp {
                    receipt,
                    jobs: job_rows(rows)?,
                    repeated,
                    address_taken,
                })),
            })
            .collect()
    }
}
