//! Collects the kinds of job that a program knows, and judges them together.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::FutureExt;
use serde_json::Value;

use super::{
    Catalogue, Kind, Letter, Task, Unfit, Work,
    registry::{Own, decode, reason},
};
use crate::queue::{BadName, Job, Takes, is_limit_key, queue_name};

/// A catalogue that contradicts itself; found when the program starts.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CatalogueError {
    #[error("two kinds of job are called `{0}`")]
    Duplicate(&'static str),
    #[error("a kind of job has no name, or one that is not snake_case: `{0}`")]
    BadName(&'static str),
    #[error("`{kind}` cannot live in the queue `{queue}`: {source}")]
    BadQueue {
        kind: &'static str,
        queue: &'static str,
        source: BadName,
    },
    #[error("`{kind}` is a {what}, which the queue `{queue}` does not serve")]
    WrongQueue {
        kind: &'static str,
        what: &'static str,
        queue: &'static str,
    },
    #[error("the crontab's entry for `{kind}` is wrong: {why}")]
    BadEntry { kind: String, why: String },
}

/// Collects kinds; [`CatalogueBuilder::build`] judges them together.
#[derive(Clone, Default)]
pub struct CatalogueBuilder {
    kinds: Vec<(Kind, &'static str)>,
}

impl CatalogueBuilder {
    /// Adds a kind that does something.
    pub fn task<T: Task>(self) -> Self {
        self.with::<T>(
            "task",
            Work::Task(|job, cx| {
                async move { decode::<T>(&job, cx.store().keys())?.run(cx).await }.boxed()
            }),
        )
    }

    /// Adds a kind that writes a letter.
    pub fn letter<L: Letter>(self) -> Self {
        self.with::<L>(
            "letter",
            Work::Letter(|job, cx| {
                async move { decode::<L>(&job, cx.store().keys())?.compose(cx).await }.boxed()
            }),
        )
    }

    fn with<J: Job>(mut self, what: &'static str, work: Work) -> Self {
        let kind = Kind {
            name: J::KIND,
            queue: J::QUEUE,
            policy: J::POLICY,
            cron: J::CRON,
            secrets: J::SECRETS,
            work,
            judge: judge::<J>,
        };
        self.kinds.push((kind, what));
        self
    }

    /// The catalogue, unless it contradicts itself.
    pub fn build(self) -> Result<Catalogue, CatalogueError> {
        let mut kinds = BTreeMap::new();
        for (kind, what) in self.kinds {
            let (name, queue) = (kind.name, kind.queue);
            let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || !name.chars().all(snake) {
                return Err(CatalogueError::BadName(name));
            }
            if let Err(source) = queue_name(queue) {
                return Err(CatalogueError::BadQueue {
                    kind: name,
                    queue,
                    source,
                });
            }
            if kind.work.lives_in() != Takes::of(queue) {
                return Err(CatalogueError::WrongQueue {
                    kind: name,
                    what,
                    queue,
                });
            }
            if kinds.insert(name, kind).is_some() {
                return Err(CatalogueError::Duplicate(name));
            }
        }
        let catalogue = Catalogue(Arc::new(kinds));
        for entry in catalogue.entries() {
            if let Some(bad) = catalogue.judge(&entry).first() {
                return Err(CatalogueError::BadEntry {
                    kind: entry.kind,
                    why: bad.to_string(),
                });
            }
        }
        Ok(catalogue)
    }
}

/// Whether these are arguments of `J`, and whether such a job keeps others out.
fn judge<J: Job>(args: &Value) -> Result<Own, Unfit> {
    let kind = J::KIND;
    let job = J::deserialize(args).map_err(|error| Unfit::Args {
        kind,
        reason: reason(&error, J::SECRETS),
    })?;
    job.check().map_err(|why| Unfit::Refused { kind, why })?;
    let limit_key = job.limit_key();
    match limit_key.as_deref().is_none_or(is_limit_key) {
        true => Ok(Own {
            unique: job.unique(),
            limit_key,
        }),
        false => Err(Unfit::Key),
    }
}

#[cfg(test)]
mod tests;
