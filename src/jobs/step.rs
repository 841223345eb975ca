//! Steps: what one attempt has done, the next need not do again.

use std::sync::PoisonError;

use serde::{Serialize, de::DeserializeOwned};

use super::{Context, JobError};

/// Somebody else has the job by now: nothing that this attempt does counts any more.
#[derive(Debug, thiserror::Error)]
#[error("the step `{0}` was done too late: the attempt is no longer its owner's")]
struct TooLate(String);

impl Context {
    /// Does a part of the job that must not be done again once it is done: `work` is not even begun if an
    /// earlier attempt did it, and what that one made of it is given back.
    ///
    /// What a step makes is kept as JSON until the job is forgotten: small, and like arguments without names
    /// or secrets. An operator's retry goes on after the steps that are done. Like an attempt, a step that was
    /// done is done again only if its process dies, or the database is away, before that is written down.
    ///
    /// # Errors
    ///
    /// Those of `work`, which make the step none; and when the result cannot be kept. The job is hopeless when
    /// an attempt has two steps of one name, or a result is kept that is no `T`.
    pub async fn step<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, JobError>>,
    ) -> Result<T, JobError>
    where
        T: Serialize + DeserializeOwned,
    {
        if !self.is_new(name) {
            let twice = format!("an attempt has two steps that are called `{name}`");
            return Err(JobError::hopeless(twice));
        }
        if let Some(kept) = self.kept(name).await? {
            return serde_json::from_str(&kept).map_err(|error| {
                JobError::hopeless(format!(
                    "what the step `{name}` left cannot be read: {error}"
                ))
            });
        }
        let made = work.await?;
        let result = serde_json::to_string(&made)?;
        let (store, now) = (self.store(), self.clock().now());
        match store.keep_step(self.row(), name, &result, now).await? {
            true => Ok(made),
            false => Err(TooLate(name.to_owned()).into()),
        }
    }

    fn is_new(&self, name: &str) -> bool {
        // A name is noted whole or not at all.
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.insert(name.to_owned())
    }

    /// What an earlier attempt made of the step. Before the first there was none.
    async fn kept(&self, name: &str) -> Result<Option<String>, JobError> {
        match self.attempt() {
            ..=1 => Ok(None),
            _ => Ok(self.store().step(self.job(), name).await?),
        }
    }
}
