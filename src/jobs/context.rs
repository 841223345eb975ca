//! What a job has at hand while it runs.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

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
        Context { tools, job }
    }

    /// This job's number.
    pub fn job(&self) -> JobId {
        self.job.id
    }

    /// Counted from 1.
    pub fn attempt(&self) -> i32 {
        self.job.attempt
    }

    /// When this attempt began.
    pub fn begun(&self) -> Timestamp {
        self.job.started_at.unwrap_or(self.job.run_at)
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
        (self.tools.progress)(Progress {
            job: self.job.id,
            attempt: self.job.attempt,
            percent: percent.clamp(0, 100),
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
