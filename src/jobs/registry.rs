//! From a stored kind to the code that does it.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::Value;

use super::{Context, Done, JobError, Letter, Task};
use crate::{
    fail_points,
    mail::Draft,
    queue::{ARGS_BYTES, EMAIL, Job, NewJob, Policy, Unique},
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
    pub work: Work,
    judge: fn(&Value) -> Result<Option<Unique>, Unfit>,
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

/// Why a job is not enqueued: another kind or other arguments have to be given.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("there is no kind of job called `{name}`; the kinds are {known}")]
    Name { name: String, known: String },
    #[error("the arguments do not fit `{kind}`: {source}")]
    Args {
        kind: &'static str,
        source: serde_json::Error,
    },
    /// As [`Job::check`] says.
    #[error("the arguments do not fit `{kind}`: {why}")]
    Refused { kind: &'static str, why: String },
    #[error(
        "the arguments of `{kind}` are {bytes} bytes of JSON, and may be {ARGS_BYTES}: store what is large \
         elsewhere, and name it"
    )]
    TooLarge { kind: String, bytes: usize },
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

    /// A job by its kind's name, due at once, with arguments that fit.
    pub fn new_job(&self, name: &str, args: Value) -> Result<NewJob, Unfit> {
        let kind = self.known(name)?;
        measure(name, &args)?;
        let unique = (kind.judge)(&args)?;
        Ok(NewJob {
            args,
            unique,
            max_attempts: kind.policy.max_attempts,
            ..NewJob::of(kind.name, kind.queue)
        })
    }

    /// Whether these arguments fit the kind of this name.
    pub fn check(&self, name: &str, args: &Value) -> Result<(), Unfit> {
        let kind = self.known(name)?;
        measure(name, args)?;
        (kind.judge)(args).map(drop)
    }

    /// Likewise, of a job that was made without the catalogue. Its kind may be one that only another
    /// program knows: then nobody here can judge more than its size.
    pub fn check_new(&self, new: &NewJob) -> Result<(), Unfit> {
        match self.kind(&new.kind) {
            Some(_) => self.check(&new.kind, &new.args),
            None => measure(&new.kind, &new.args),
        }
    }

    fn known(&self, name: &str) -> Result<&Kind, Unfit> {
        self.kind(name).ok_or_else(|| Unfit::Name {
            name: name.to_owned(),
            known: self.0.keys().copied().collect::<Vec<_>>().join(", "),
        })
    }
}

fn measure(kind: &str, args: &Value) -> Result<(), Unfit> {
    match args.to_string().len() {
        ..=ARGS_BYTES => Ok(()),
        bytes => Err(Unfit::TooLarge {
            kind: kind.to_owned(),
            bytes,
        }),
    }
}

/// Collects kinds; [`CatalogueBuilder::build`] judges them together.
#[derive(Default)]
pub struct CatalogueBuilder {
    kinds: Vec<(Kind, &'static str)>,
}

impl CatalogueBuilder {
    /// Adds a kind that does something.
    pub fn task<T: Task>(self) -> Self {
        self.with::<T>(
            "task",
            Work::Task(|job, cx| async move { decode::<T>(&job)?.run(cx).await }.boxed()),
        )
    }

    /// Adds a kind that writes a letter.
    pub fn letter<L: Letter>(self) -> Self {
        self.with::<L>(
            "letter",
            Work::Letter(|job, cx| async move { decode::<L>(&job)?.compose(cx).await }.boxed()),
        )
    }

    fn with<J: Job>(mut self, what: &'static str, work: Work) -> Self {
        let kind = Kind {
            name: J::KIND,
            queue: J::QUEUE,
            policy: J::POLICY,
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

/// Whether these are arguments of `J`, and whether such a job keeps others out.
fn judge<J: Job>(args: &Value) -> Result<Option<Unique>, Unfit> {
    let kind = J::KIND;
    let job = J::deserialize(args).map_err(|source| Unfit::Args { kind, source })?;
    job.check().map_err(|why| Unfit::Refused { kind, why })?;
    Ok(job.unique())
}

/// Arguments that cannot be decoded will not be decodable next time either.
fn decode<J: Job>(job: &JobRow) -> Result<J, JobError> {
    fail_points::pass!("handler.after_start", "{job:?}");
    serde_json::from_str(&job.args).map_err(|error| {
        JobError::hopeless(format!(
            "the arguments of `{}` cannot be read: {error}",
            job.kind
        ))
    })
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
            Err(Unfit::Args { .. })
        ));
        assert!(matches!(
            catalogue.new_job("no_such_kind", json!({})),
            Err(Unfit::Name { .. })
        ));
    }
}
