//! What a job has at hand while it runs.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::JobError;
use crate::{
    account::UserId,
    clock::Clock,
    config::Config,
    mail::{Draft, message_id},
    queue::JobId,
    store::{JobRow, Progress, Store},
    text::{Locale, Text},
};

/// What all jobs share.
#[derive(Clone)]
pub struct Tools {
    pub store: Store,
    pub clock: Clock,
    pub text: Text,
    pub config: Arc<Config>,
    /// What links in letters begin with, without a slash at the end.
    pub base_url: Arc<str>,
    /// The right-hand side of every Message-ID.
    pub mail_domain: Arc<str>,
    /// Takes note of how far an attempt has come.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

/// One attempt's view: the tools, and the job itself.
#[derive(Clone)]
pub struct Context {
    tools: Tools,
    job: Arc<JobRow>,
    stop: CancellationToken,
    /// The names of those that this attempt has come to.
    pub(super) steps: Arc<Mutex<HashSet<String>>>,
}

/// Somebody who reads what a job has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    pub name: String,
    pub locale: Locale,
}

impl Context {
    /// The view of one attempt.
    pub fn new(mut tools: Tools, job: Arc<JobRow>) -> Self {
        tools.clock = tools.clock.of_job(job.id.0);
        Context {
            tools,
            job,
            stop: CancellationToken::new(),
            steps: Arc::default(),
        }
    }

    /// The same, for an attempt that this token asks to stop.
    pub fn until(self, stop: CancellationToken) -> Self {
        Context { stop, ..self }
    }

    /// This job's number.
    pub fn job(&self) -> JobId {
        self.job.id
    }

    pub(super) fn row(&self) -> &JobRow {
        &self.job
    }

    /// Counted from 1.
    pub fn attempt(&self) -> i32 {
        self.job.attempt
    }

    /// When this attempt began.
    pub fn begun(&self) -> Timestamp {
        self.job.started_at.unwrap_or(self.job.run_at)
    }

    /// Ends once nobody wants the job's end any more: an operator has cancelled it.
    ///
    /// It has five seconds from then on to clean up and return; then it is dropped at its next `.await`. What
    /// it returns is on record, and only `Ok` still counts as completed: one that has stopped half-way says
    /// `JobError::cancel`. A job without anything to clean up need not listen.
    pub async fn cancelled(&self) {
        self.stop.cancelled().await;
    }

    /// Whether [`Context::cancelled`] has ended: for loops, and for code that blocks its thread, which nothing
    /// else can stop. There it also tells that the time limit is over, or the process stops.
    pub fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Users, sign-ups and other jobs.
    pub fn store(&self) -> &Store {
        &self.tools.store
    }

    /// What time it is, and the way to wait.
    pub fn clock(&self) -> &Clock {
        &self.tools.clock
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.tools.config
    }

    /// Tells whoever watches how far the job has come: 0 to 100 percent.
    pub fn progress(&self, percent: i32) {
        self.tell(percent, None);
    }

    /// The same, with a few words about what it is at, in its reader's language. They stay until the attempt
    /// says others, or ends.
    pub fn progress_with(&self, percent: i32, message: impl Into<String>) {
        self.tell(percent, Some(message.into()));
    }

    fn tell(&self, percent: i32, message: Option<String>) {
        (self.tools.progress)(Progress {
            job: self.job.id,
            attempt: self.job.attempt,
            percent: percent.clamp(0, 100),
            message,
        });
    }

    /// A sentence in the given language.
    pub fn sentence(&self, locale: Locale, key: &str, args: &[(&str, &str)]) -> String {
        self.tools.text.sentence(locale, key, args)
    }

    /// The language for readers of whom nothing is known.
    pub fn default_locale(&self) -> Locale {
        self.tools.config.locale.parse().unwrap_or_default()
    }

    /// Who watches this job: the visitor who signed up, or the user whose job it is.
    pub async fn reader(&self) -> Result<Option<Reader>, JobError> {
        if let Some(signup) = self.job.signup
            && let Some(receipt) = self.tools.store.signup(signup).await?
        {
            return Ok(Some(Reader {
                name: receipt.username,
                locale: receipt.locale,
            }));
        }
        let Some(user) = self.job.user else {
            return Ok(None);
        };
        let user = self.tools.store.user(UserId(user)).await?;
        Ok(user.map(|user| Reader {
            name: user.username,
            locale: user.locale,
        }))
    }

    /// Writes a letter from the templates `{template}.text` and `{template}.html`, whose subject
    /// is the sentence `{template}.subject` with dots for slashes.
    ///
    /// The templates also see `base_url`.
    pub fn letter(
        &self,
        template: &str,
        to: &str,
        locale: Locale,
        data: impl Serialize,
    ) -> Result<Draft, JobError> {
        let data = Letterhead {
            base_url: &self.tools.base_url,
            data,
        };
        let text = &self.tools.text;
        let subject = format!("{}.subject", template.replace('/', "."));
        Ok(Draft {
            to: to.to_owned(),
            subject: text.sentence(locale, &subject, &[]),
            text: text.render(&format!("{template}.text"), locale, &data)?,
            html: text.render(&format!("{template}.html"), locale, &data)?,
            date: self.tools.clock.now(),
            message_id: message_id(self.job.id.0, self.job.created_at, &self.tools.mail_domain),
        })
    }
}

#[derive(Serialize)]
struct Letterhead<'a, D> {
    base_url: &'a str,
    #[serde(flatten)]
    data: D,
}
