//! From a stored kind to the code that does it.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::Value;

use super::{Context, Done, JobError, Letter, Task};
use crate::{
    fail_points,
    mail::Draft,
    queue::{Due, EMAIL, Job, Keys, NewJob, Policy, Secrets},
    store::JobRow,
};

/// The kinds of job that this program knows. Clones are cheap.
#[derive(Clone)]
pub struct Catalogue(Arc<BTreeMap<&'static str, Kind>>);

/// One kind of job.
#[derive(Clone)]
pub struct Kind {
    pub name: &'static str,
    pub queue: &'static str,
    pub policy: Policy,
    /// The fields of its arguments that nobody is to see.
    pub secrets: &'static [&'static str],
    pub work: Work,
    check_args: fn(&Value) -> Result<(), serde_json::Error>,
}

/// The code of a kind, with its arguments still to be decoded.
#[derive(Clone, Copy)]
pub enum Work {
    /// Runs in a TaskActor.
    Task(fn(Arc<JobRow>, Context) -> BoxFuture<'static, Result<Done, JobError>>),
    /// Written, and then sent, by an EmailActor.
    Letter(fn(Arc<JobRow>, Context) -> BoxFuture<'static, Result<Draft, JobError>>),
}

/// A catalogue that contradicts itself; found when the program starts.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CatalogueError {
    #[error("two kinds of job are called `{0}`")]
    Duplicate(&'static str),
    #[error("a kind of job has no name, or one that is not snake_case: `{0}`")]
    BadName(&'static str),
    #[error("`{kind}` is a {what}, which the queue `{queue}` does not serve")]
    WrongQueue {
        kind: &'static str,
        what: &'static str,
        queue: &'static str,
    },
}

/// Why a job cannot be enqueued by its name.
#[derive(Debug, thiserror::Error)]
pub enum UnknownKind {
    #[error("there is no kind of job called `{name}`; the kinds are {known}")]
    Name { name: String, known: String },
    #[error("the arguments do not fit `{kind}`: {reason}")]
    Args { kind: &'static str, reason: String },
}

impl Catalogue {
    /// An empty catalogue, to be filled.
    pub fn builder() -> CatalogueBuilder {
        CatalogueBuilder { kinds: Vec::new() }
    }

    /// The kind of this name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.0.get(name)
    }

    /// Every kind, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.0.values()
    }

    /// The names of the kinds that a queue serves.
    pub fn names(&self, queue: &str) -> Vec<&'static str> {
        let served = self.0.values().filter(|kind| kind.queue == queue);
        served.map(|kind| kind.name).collect()
    }

    /// A job by its kind's name, due at once, with arguments that decode.
    pub fn new_job(&self, name: &str, mut args: Value) -> Result<NewJob, UnknownKind> {
        let kind = self.kind(name).ok_or_else(|| UnknownKind::Name {
            name: name.to_owned(),
            known: self.0.keys().copied().collect::<Vec<_>>().join(", "),
        })?;
        (kind.check_args)(&args).map_err(|error| UnknownKind::Args {
            kind: kind.name,
            reason: reason(&error, kind.secrets),
        })?;
        Ok(NewJob {
            kind: kind.name.to_owned(),
            queue: kind.queue.to_owned(),
            secrets: Secrets::take(&mut args, kind.secrets),
            args,
            due: Due::After(std::time::Duration::ZERO),
            priority: 0,
            max_attempts: kind.policy.max_attempts,
            user: None,
            signup: None,
        })
    }
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
            secrets: J::SECRETS,
            work,
            check_args: |args| J::deserialize(args).map(|_| ()),
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
            if (what == "letter") != (queue == EMAIL) {
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
        Ok(Catalogue(Arc::new(kinds)))
    }
}

/// The arguments of a stored job, its secrets opened.
///
/// Arguments that cannot be decoded will not be decodable next time either. A key can come back.
pub fn decode<J: Job>(job: &JobRow, keys: &Keys) -> Result<J, JobError> {
    fail_points::pass!("handler.after_start", "{job:?}");
    let unreadable = |error| {
        let reason = reason(&error, J::SECRETS);
        JobError::hopeless(format!(
            "the arguments of `{}` cannot be read: {reason}",
            job.kind
        ))
    };
    if J::SECRETS.is_empty() {
        return serde_json::from_str(&job.args).map_err(unreadable);
    }
    let mut args = serde_json::from_str(&job.args).map_err(unreadable)?;
    keys.open(J::KIND, J::SECRETS, &mut args)?;
    serde_json::from_value(args).map_err(unreadable)
}

/// What is wrong with arguments. The decoder likes to repeat the value that it met, which may be a secret.
fn reason(error: &serde_json::Error, secrets: &[&str]) -> String {
    let reason = error.to_string();
    match secrets.is_empty() || reason.starts_with("missing field") {
        true => reason,
        false => "what is wrong with them is not repeated, for some are secret".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Nameless {}

    impl Job for Nameless {
        const KIND: &'static str = "";
    }

    impl Task for Nameless {
        async fn run(self, _: Context) -> Result<Done, JobError> {
            Ok(Done::default())
        }
    }

    #[test]
    fn a_kind_that_is_listed_twice_is_refused() {
        let twice = crate::jobs::catalogue().task::<crate::jobs::simple_task::SimpleTask>();
        assert_eq!(
            twice.build().err(),
            Some(CatalogueError::Duplicate("simple_task"))
        );
    }

    #[test]
    fn a_kind_without_a_name_is_refused() {
        let nameless = Catalogue::builder().task::<Nameless>();
        assert_eq!(nameless.build().err(), Some(CatalogueError::BadName("")));
    }

    #[test]
    fn a_job_by_name_needs_a_known_kind_and_arguments_that_fit() {
        let catalogue = crate::jobs::catalogue()
            .build()
            .expect("our own kinds agree");
        assert!(
            catalogue
                .new_job("parameter_task", json!({"parameter": "x"}))
                .is_ok()
        );
        assert!(matches!(
            catalogue.new_job("parameter_task", json!({})),
            Err(UnknownKind::Args { .. })
        ));
        assert!(matches!(
            catalogue.new_job("no_such_kind", json!({})),
            Err(UnknownKind::Name { .. })
        ));
    }
}
