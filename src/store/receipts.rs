//! Receipts: a sign-up as it is looked at afterwards, by its visitor or by its own jobs.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    connection::read,
    doubt::{in_doubt, with_doubts},
    rows::{JobRow, RawJob, unreadable},
    schema::{jobs, signups, users},
};
use crate::{
    account::UserId,
    queue::{JobId, SignupId},
    text::Locale,
};

/// A sign-up as its visitor sees it again.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub receipt: String,
    pub signup: SignupId,
    /// Who signed up; where the address was taken, its owner.
    pub user: UserId,
    /// The address belonged to somebody else; the visitor is not told.
    pub address_taken: bool,
    /// The earlier sign-up whose letter tells the owner of this one as well.
    pub told_by: Option<SignupId>,
    pub username: String,
    pub locale: Locale,
    /// In the order in which they were enqueued.
    pub jobs: Vec<JobRow>,
    /// The letters among them that an attempt may have delivered without completing the job.
    pub in_doubt: BTreeSet<JobId>,
}

impl Store {
    /// The sign-up with this receipt.
    pub async fn receipt(&self, receipt: &str) -> Result<Option<Receipt>, StoreError> {
        self.find_signup(Key::Receipt(receipt)).await
    }

    /// The sign-up with this number.
    pub async fn signup(&self, id: SignupId) -> Result<Option<Receipt>, StoreError> {
        self.find_signup(Key::Number(id)).await
    }

    /// The hash of the password that this receipt's visitor chose, or has set since.
    pub async fn password_of(&self, receipt: &str) -> Result<Option<String>, StoreError> {
        let found: Option<(Option<String>, String)> = read!(self, |c| signups::table
            .inner_join(users::table)
            .filter(signups::receipt.eq(receipt))
            .select((signups::password_hash, users::password_hash))
            .first(c)
            .await
            .optional())?;
        // The user of a taken address is its owner, who has a password of their own.
        Ok(found.map(|(visitors, users)| visitors.unwrap_or(users)))
    }

    async fn find_signup(&self, key: Key<'_>) -> Result<Option<Receipt>, StoreError> {
        type Row = (i64, String, i64, bool, Option<i64>, String, String);
        let found: Option<(Row, Vec<(RawJob, bool)>)> = read!(self, |c| {
            let mut query = signups::table
                .select((
                    signups::id,
                    signups::receipt,
                    signups::user_id,
                    signups::address_taken,
                    signups::told_by,
                    signups::username,
                    signups::locale,
                ))
                .into_boxed();
            query = match key {
                Key::Receipt(receipt) => query.filter(signups::receipt.eq(receipt)),
                Key::Number(id) => query.filter(signups::id.eq(id.0)),
            };
            let signup: Option<Row> = query.first(c).await.optional()?;
            match signup {
                None => Ok::<_, StoreError>(None),
                Some(signup) => {
                    let rows = jobs::table
                        .filter(jobs::signup_id.eq(signup.0))
                        .order(jobs::id)
                        .select((RawJob::as_select(), in_doubt!()))
                        .load(c)
                        .await?;
                    Ok(Some((signup, rows)))
                }
            }
        })?;
        found
            .map(
                |((id, receipt, user, address_taken, told_by, username, locale), rows)| {
                    let (jobs, in_doubt) = with_doubts(rows)?;
                    Ok(Receipt {
                        receipt,
                        signup: SignupId(id),
                        user: UserId(user),
                        address_taken,
                        told_by: told_by.map(SignupId),
                        username,
                        locale: locale.parse().map_err(unreadable)?,
                        jobs,
                        in_doubt,
                    })
                },
            )
            .transpose()
    }
}

#[derive(Clone, Copy)]
enum Key<'a> {
    Receipt(&'a str),
    Number(SignupId),
}
