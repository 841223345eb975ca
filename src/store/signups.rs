//! Sign-ups: the user, the receipt and the first jobs, all in one transaction.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    Store, StoreError,
    accounts::columns,
    connection::change,
    insert::insert_jobs,
    rows::{JobRow, RawJob, job_rows},
    schema::{jobs, signups, users},
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

/// Receipt and jobs; whether an earlier submit did the work; whether the address is taken.
type Answer = Result<(String, Vec<RawJob>, bool, bool), SignupRefusal>;

impl Store {
    /// Signs people up, in one transaction, with the jobs that `first_jobs` gives for each.
    ///
    /// Each has an answer of their own. [`StoreError::Conflict`] says that another instance
    /// wrote the same name at the same moment: nothing was saved, ask again.
    pub async fn sign_up(
        &self,
        batch: &[NewSignup],
        first_jobs: &(dyn Fn(SignupId) -> Vec<NewJob> + Send + Sync),
        now: Timestamp,
    ) -> Result<Vec<Result<SignedUp, SignupRefusal>>, StoreError> {
        let spoken_for = now.saturating_sub(SPOKEN_FOR).unwrap_or(Timestamp::MIN);
        let spoken_for = spoken_for.as_microsecond();
        let answers: Vec<Answer> = change!(self, |c| {
            let mut answers = Vec::with_capacity(batch.len());
            for new in batch {
                let fingerprint = fingerprint(&new.user);

                let (username, email) = (new.user.username.key(), new.user.email.key());
                let rivals: Vec<(i64, String)> = users::table
                    .filter(
                        users::username_key
                            .eq(username)
                            .or(users::email_key.eq(email)),
                    )
                    .select((users::id, users::username_key))
                    .load(c)
                    .await?;
                // One who came with an address that has an account already got a receipt, and the name.
                let reserved: Option<i64> = signups::table
                    .filter(signups::username_key.eq(username))
                    .select(signups::id)
                    .first(c)
                    .await
                    .optional()?;
                let is_taken = reserved.is_some() || rivals.iter().any(|(_, key)| key == username);

                // Asked last: what took the name may be an earlier submit of this form, by way of another instance.
                let earlier: Option<(i64, String, String)> = signups::table
                    .filter(signups::idempotency_key.eq(&new.idempotency_key))
                    .select((signups::id, signups::receipt, signups::fingerprint))
                    .first(c)
                    .await
                    .optional()?;
                if let Some((id, receipt, said)) = earlier {
                    answers.push(if said == fingerprint {
                        let rows = jobs::table
                            .filter(jobs::signup_id.eq(id))
                            .order(jobs::id)
                            .select(RawJob::as_select())
                            .load(c)
                            .await?;
                        Ok((receipt, rows, true, false))
                    } else {
                        Err(SignupRefusal::KeyReused)
                    });
                    continue;
                }
                if is_taken {
                    answers.push(Err(SignupRefusal::UsernameTaken));
                    continue;
                }

                let owner = rivals.iter().map(|(id, _)| *id).next();
                let told_by: Option<i64> = match owner {
                    Some(owner) => signups::table
                        .filter(signups::user_id.eq(owner))
                        .filter(signups::address_taken)
                        .filter(signups::told_by.is_null())
                        .filter(signups::created_at.gt(spoken_for))
                        .order(signups::created_at.desc())
                        .select(signups::id)
                        .first(c)
                        .await
                        .optional()?,
                    None => None,
                };
                let user = match owner {
                    Some(owner) => owner,
                    None => {
                        fail_points::pass!("sign_up.before_user");
                        let user = diesel::insert_into(users::table)
                            .values((columns(&new.user, now), users::operator.eq(false)))
                            .returning(users::id)
                            .get_result::<i64>(c)
                            .await?;
                        fail_points::pass!("sign_up.after_user");
                        user
                    }
                };
                let signup: i64 = diesel::insert_into(signups::table)
                    .values((
                        signups::receipt.eq(&new.receipt),
                        signups::idempotency_key.eq(&new.idempotency_key),
                        signups::fingerprint.eq(&fingerprint),
                        signups::user_id.eq(user),
                        signups::address_taken.eq(owner.is_some()),
                        signups::told_by.eq(told_by),
                        signups::username.eq(new.user.username.shown()),
                        signups::username_key.eq(username),
                        signups::password_hash.eq(owner.map(|_| new.user.password_hash.as_str())),
                        signups::locale.eq(new.user.locale.tag()),
                        signups::created_at.eq(now.as_microsecond()),
                    ))
                    .returning(signups::id)
                    .get_result(c)
                    .await?;
                let first: Vec<NewJob> = first_jobs(SignupId(signup))
                    .into_iter()
                    .map(|job| NewJob {
                        trace: new.trace.clone(),
                        signup: Some(SignupId(signup)),
                        // The owner of the address did not ask for these.
                        user: owner.is_none().then_some(user),
                        ..job
                    })
                    .collect();
                let rows = insert_jobs!(self, c, &first, now);
                let rows = rows.into_iter().map(|(row, _)| row).collect();
                answers.push(Ok((new.receipt.clone(), rows, false, owner.is_some())));
            }
            fail_points::pass!("sign_up.before_commit");
            Ok::<_, StoreError>(answers)
        })?;
        fail_points::pass!("sign_up.after_commit");
        answers
            .into_iter()
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

/// Tells whether two submits under one key say the same, without keeping what they said.
fn fingerprint(user: &NewUser) -> String {
    let said = format!("{}\n{}", user.username.key(), user.email.key());
    BASE64URL_NOPAD.encode(&Sha256::digest(said))
}
