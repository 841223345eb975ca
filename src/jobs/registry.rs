//! From a stored kind to the code that does it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{CatalogueBuilder, Context, Done, JobError};
use crate::{
    fail_points,
    mail::Draft,
    queue::{
        ARGS_BYTES, Cron, EMAIL, Job, Keys, LONGEST_KEY, NewJob, Policy, Secrets, TASK, Takes,
        Unique, is_limit_key, queue_name,
    },
    store::JobRow,
};

/// The kinds of job that this program knows. Clones are cheap.
#[derive(Clone)]
pub struct Catalogue(pub(super) Arc<BTreeMap<&'static str, Kind>>);

/// One kind of job.
#[derive(Clone)]
pub struct Kind {
    pub name: &'static str,
    pub queue: &'static str,
    pub policy: Policy,
    /// When it is enqueued by itself, if ever.
    pub cron: Option<Cron>,
    /// The fields of its arguments that nobody is to see.
    pub secrets: &'static [&'static str],
    pub work: Work,
    pub(super) judge: fn(&Value) -> Result<Own, Unfit>,
}

/// What a job says of itself, by its arguments.
pub(super) struct Own {
    pub(super) unique: Option<Unique>,
    pub(super) limit_key: Option<String>,
}

/// The code of a kind, with its arguments still to be decoded.
#[derive(Clone, Copy)]
pub enum Work {
    /// Runs in a TaskActor.
    Task(fn(Arc<JobRow>, Context) -> BoxFuture<'static, Result<Done, JobError>>),
    /// Written, and then sent, by an EmailActor.
    Letter(fn(Arc<JobRow>, Context) -> BoxFuture<'static, Result<Draft, JobError>>),
}

impl Kind {
    /// Why its jobs cannot live in this queue, if they cannot.
    pub fn refuses(&self, queue: &str) -> Option<String> {
        match queue_name(queue) {
            Err(error) => Some(error.to_string()),
            Ok(_) if self.work.lives_in() == Takes::of(queue) => None,
            Ok(_) => Some(format!(
                "letters live in the queue `{EMAIL}`, tasks in any other"
            )),
        }
    }
}

impl Work {
    pub(super) fn lives_in(self) -> Takes {
        match self {
            Work::Task(_) => Takes::Tasks,
            Work::Letter(_) => Takes::Letters,
        }
    }
}

/// Why a job is not enqueued: another kind or other arguments have to be given.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("there is no kind of job called `{name}`; the kinds are {known}")]
    Name { name: String, known: String },
    #[error("the arguments do not fit `{kind}`: {reason}")]
    Args { kind: &'static str, reason: String },
    /// As [`Job::check`] says.
    #[error("the arguments do not fit `{kind}`: {why}")]
    Refused { kind: &'static str, why: String },
    #[error(
        "the arguments of `{kind}` are {bytes} bytes of JSON, and may be {ARGS_BYTES}: store what is large \
         elsewhere, and name it"
    )]
    TooLarge { kind: String, bytes: usize },
    /// By which its queue would count it.
    #[error("the limit key of a job is a text of 1 to {LONGEST_KEY} bytes, none of them zero")]
    Key,
    /// No actor would ever take it from there.
    #[error("{0}")]
    Queue(String),
    /// Its rows are read by everybody who may see the crontab.
    #[error("`{kind}` has secret arguments, and the crontab keeps none")]
    InCrontab { kind: String },
    /// What is sealed is not changed in its place.
    #[error(
        "the arguments of `{kind}` hold secrets and cannot be changed: cancel the job, and enqueue another"
    )]
    Sealed { kind: &'static str },
}

impl Catalogue {
    /// An empty catalogue, to be filled.
    pub fn builder() -> CatalogueBuilder {
        CatalogueBuilder::default()
    }

    /// The kind of this name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.0.get(name)
    }

    /// Every kind, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.0.values()
    }

    /// The names of the kinds that a queue serves, which may live in another by themselves.
    pub fn names(&self, queue: &str) -> Vec<&'static str> {
        let takes = Takes::of(queue);
        let served = self.0.values().filter(|kind| kind.work.lives_in() == takes);
        served.map(|kind| kind.name).collect()
    }

    /// The queues that there are whatever operators decide: `email`, `task`, and those that kinds name.
    pub fn queues(&self) -> impl Iterator<Item = &'static str> {
        let named = self.0.values().map(|kind| kind.queue);
        let queues: BTreeSet<_> = named.chain([EMAIL, TASK]).collect();
        queues.into_iter()
    }

    /// Whether this is one of [`Catalogue::queues`].
    pub fn has_queue(&self, name: &str) -> bool {
        [EMAIL, TASK].contains(&name) || self.0.values().any(|kind| kind.queue == name)
    }

    /// A job by its kind's name, due at once, with arguments that fit.
    pub fn new_job(&self, name: &str, mut args: Value) -> Result<NewJob, Unfit> {
        let kind = self.known(name)?;
        measure(name, &args)?;
        let Own { unique, limit_key } = (kind.judge)(&args)?;
        Ok(NewJob {
            secrets: Secrets::take(&mut args, kind.secrets),
            args,
            unique,
            limit_key,
            max_attempts: kind.policy.max_attempts,
            ..NewJob::of(kind.name, kind.queue)
        })
    }

    /// Whether a job of the kind of this name may be given these arguments in the place of its own.
    pub fn check_edit(&self, name: &str, args: &Value) -> Result<(), Unfit> {
        let kind = self.known(name)?;
        match kind.secrets.is_empty() {
            true => self.check(name, args),
            false => Err(Unfit::Sealed { kind: kind.name }),
        }
    }

    /// Whether these arguments fit the kind of this name.
    fn check(&self, name: &str, args: &Value) -> Result<(), Unfit> {
        let kind = self.known(name)?;
        measure(name, args)?;
        (kind.judge)(args).map(drop)
    }

    /// Likewise, of a job that was made without the catalogue. Its kind may be one that only another
    /// program knows: then nobody here can judge more than its size.
    pub fn check_new(&self, new: &NewJob) -> Result<(), Unfit> {
        let args = new.secrets.put_back(&new.args);
        if !new.limit_key.as_deref().is_none_or(is_limit_key) {
            return Err(Unfit::Key);
        }
        match self.kind(&new.kind) {
            Some(kind) => match kind.refuses(&new.queue) {
                Some(why) => Err(Unfit::Queue(why)),
                None => self.check(&new.kind, &args),
            },
            None => measure(&new.kind, &args),
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
pub(super) fn reason(error: &serde_json::Error, secrets: &[&str]) -> String {
    let reason = error.to_string();
    match secrets.is_empty() || reason.starts_with("missing field") {
        true => reason,
        false => "what is wrong with them is not repeated, for some are secret".to_owned(),
    }
}

#[cfg(test)]
mod tests;
