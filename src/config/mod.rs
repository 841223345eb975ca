//! Every setting: its default, unit, environment name and check.
//!
//! [`settings`] lists what can be set, [`Config`] holds what was set. Nothing here looks at the command line or the
//! environment: whoever asks hands in a lookup.

mod error;
mod hash;
mod retention;
mod setting;
pub mod settings;
mod url;
mod value;

use std::{io::IsTerminal, net::SocketAddr, time::Duration};

use ::url::Url;
use ipnet::IpNet;

use self::value::Expected;
pub use self::{
    error::ConfigError,
    hash::HashCost,
    retention::Retention,
    setting::{Repeat, Setting, Source, Subject},
    url::{DatabaseUrl, SmtpUrl, leads_here},
    value::{LogFormat, Secret, SecretKey},
};

/// What was decided for this process. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address and port to serve on; port 0 picks a free one. `127.0.0.1:8080`; `CADASTRO_LISTEN`.
    pub listen: SocketAddr,
    /// Where users and jobs are kept. `sqlite://cadastro.db`; `DATABASE_URL`.
    pub database_url: DatabaseUrl,
    /// The mail server; none keeps letters in the page `/dev/mailbox`. `SMTP_URL`.
    pub smtp_url: Option<SmtpUrl>,
    /// Sender of every letter. `Cadastro <no-reply@localhost>`; `MAIL_FROM`.
    pub mail_from: String,
    /// What links begin with, where somebody said so; ask [`Config::base_url`] for what holds. `CADASTRO_BASE_URL`.
    pub base_url: Option<Url>,
    /// Tag of the language for visitors who ask for none of ours: `pt-BR` or `en`. `pt-BR`; `CADASTRO_LOCALE`.
    pub locale: &'static str,
    /// From the sign-up to the welcome letter. `10s`; `CADASTRO_WELCOME_DELAY`.
    pub welcome_delay: Duration,
    /// How long `simple_task` works, up to [`LONGEST_TASK`]. `5s`; `CADASTRO_SIMPLE_TASK`.
    pub simple_task: Duration,
    /// How long `parameter_task` works, up to [`LONGEST_TASK`]. `10s`; `CADASTRO_PARAMETER_TASK`.
    pub parameter_task: Duration,
    /// EmailActor instances, from 1 to 1024: each holds a connection to the mail server. `8`; `CADASTRO_EMAIL_ACTORS`.
    pub email_actors: usize,
    /// TaskActor instances, from 1 to 10000. `256`; `CADASTRO_TASK_ACTORS`.
    pub task_actors: usize,
    /// What hashing a password costs. `m=19456,t=2,p=1`; `CADASTRO_PASSWORD_HASH`.
    pub password_hash: HashCost,
    /// Whether a weak `password_hash` was asked for knowingly. No; `CADASTRO_ALLOW_WEAK_HASH`.
    pub allow_weak_hash: bool,
    /// How long a stop waits for running attempts, up to a day. `30s`; `CADASTRO_SHUTDOWN_GRACE`.
    pub shutdown_grace: Duration,
    /// How long an instance that went silent keeps its jobs, from 100 ms to a day. `15s`; `CADASTRO_LEASE`.
    pub lease: Duration,
    /// How long jobs are kept that have ended. `completed=7d,cancelled=30d,discarded=90d`; `CADASTRO_RETENTION`.
    pub retention: Retention,
    /// What seals the secret arguments of jobs: the first; all of them open. None; `CADASTRO_SECRET_KEY`.
    pub secret_keys: Vec<SecretKey>,
    /// Whether sign-up and log-in are limited. `on`; `CADASTRO_RATE_LIMIT`.
    pub rate_limit: bool,
    /// Whose `X-Forwarded-For` is believed. Nobody's; `CADASTRO_TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
    /// Bearer token of the operator's API. None; `CADASTRO_OPERATOR_TOKEN`.
    pub operator_token: Option<Secret>,
    /// How the log is written. `pretty` if standard error is a terminal, else `json`; `CADASTRO_LOG_FORMAT`.
    pub log_format: LogFormat,
    /// What is logged, as tracing-subscriber's `EnvFilter` reads it. `info`; `RUST_LOG`.
    pub log_level: String,
}

impl Config {
    /// Reads every setting through `lookup`, which knows what a person gave and where.
    ///
    /// An empty environment variable counts as unset; an empty flag unsets what has no fixed default.
    pub fn read(
        lookup: impl Fn(&Setting) -> Option<(String, Source)>,
    ) -> Result<Config, ConfigError> {
        let given = Given(lookup);
        let password_hash = given.value(&settings::PASSWORD_HASH, str::parse::<HashCost>)?;
        let allow_weak_hash = given
            .optional(
                &settings::ALLOW_WEAK_HASH,
                value::word(&[("1", true), ("0", false)]),
            )?
            .unwrap_or(false);
        if password_hash.is_weak() && !allow_weak_hash {
            return Err(given.refuse(
                &settings::PASSWORD_HASH,
                "weaker than OWASP advises; give m=19456,t=2,p=1 or more, or set CADASTRO_ALLOW_WEAK_HASH=1 for a load test",
            ));
        }
        let log_format = value::word(&[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)]);
        Ok(Config {
            listen: given.value(&settings::LISTEN, value::socket_address)?,
            database_url: given.value(&settings::DATABASE_URL, str::parse)?,
            smtp_url: given.optional(&settings::SMTP_URL, str::parse)?,
            mail_from: given.value(&settings::MAIL_FROM, value::mailbox)?,
            base_url: given.optional(&settings::BASE_URL, url::base_url)?,
            locale: given.value(
                &settings::LOCALE,
                value::word(&[("pt-BR", "pt-BR"), ("en", "en")]),
            )?,
            welcome_delay: given.value(
                &settings::WELCOME_DELAY,
                value::duration(Duration::ZERO..=365 * DAY, "0s to 365days"),
            )?,
            simple_task: given.value(&settings::SIMPLE_TASK, up_to_a_day())?,
            parameter_task: given.value(&settings::PARAMETER_TASK, up_to_a_day())?,
            email_actors: given.value(&settings::EMAIL_ACTORS, value::count(1024))?,
            task_actors: given.value(&settings::TASK_ACTORS, value::count(10_000))?,
            password_hash,
            allow_weak_hash,
            shutdown_grace: given.value(&settings::SHUTDOWN_GRACE, up_to_a_day())?,
            lease: given.value(
                &settings::LEASE,
                value::duration(Duration::from_millis(100)..=DAY, "100ms to 1day"),
            )?,
            retention: given.value(&settings::RETENTION, retention::retention)?,
            secret_keys: given
                .optional(&settings::SECRET_KEY, value::keys)?
                .unwrap_or_default(),
            rate_limit: given.value(
                &settings::RATE_LIMIT,
                value::word(&[("on", true), ("off", false)]),
            )?,
            trusted_proxies: given
                .optional(&settings::TRUSTED_PROXIES, value::networks)?
                .unwrap_or_default(),
            operator_token: given.optional(&settings::OPERATOR_TOKEN, value::token)?,
            log_format: given
                .optional(&settings::LOG_FORMAT, log_format)?
                .unwrap_or_else(log_format_of_terminal),
            log_level: given.value(&settings::LOG_LEVEL, value::text)?,
        })
    }

    /// The line for a value that can be read, but not used by the room that it is for.
    pub fn refuse(
        lookup: impl Fn(&Setting) -> Option<(String, Source)>,
        setting: &Setting,
        expected: String,
    ) -> ConfigError {
        Given(lookup).refuse(setting, expected)
    }

    /// What links begin with: the one that was given, else `http://` and the address that is served on.
    pub fn base_url(&self, bound: SocketAddr) -> Url {
        self.base_url.clone().unwrap_or_else(|| {
            // A zone (`fe80::1%eth0`) has no place in a URL; a new address is free of it.
            let address = SocketAddr::new(bound.ip(), bound.port());
            Url::parse(&format!("http://{address}")).expect("an address and a port make a URL")
        })
    }

    /// Whether all visitors share one limit: they come over https, which is somebody else's work, and
    /// that proxy is not believed when it says for whom it asks.
    pub fn mistakes_proxy_for_visitors(&self) -> bool {
        let behind_proxy = self
            .base_url
            .as_ref()
            .is_some_and(|url| url.scheme() == "https");
        self.rate_limit && behind_proxy && self.trusted_proxies.is_empty()
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the built-in tasks may be told to work. Their time limit follows from it.
pub const LONGEST_TASK: Duration = DAY;

fn up_to_a_day() -> impl Fn(&str) -> Result<Duration, Expected> {
    value::duration(Duration::ZERO..=DAY, "0s to 1day")
}

fn log_format_of_terminal() -> LogFormat {
    if std::io::stderr().is_terminal() {
        LogFormat::Pretty
    } else {
        LogFormat::Json
    }
}

/// What a person gave, by setting.
struct Given<L>(L);

impl<L: Fn(&Setting) -> Option<(String, Source)>> Given<L> {
    fn find(&self, setting: &Setting) -> Option<(String, Source)> {
        (self.0)(setting).filter(|(value, by)| !(value.is_empty() && *by == Source::Environment))
    }

    fn find_or_default(&self, setting: &Setting) -> (String, Source) {
        let default = || {
            (
                setting.default.unwrap_or_default().to_owned(),
                Source::Default,
            )
        };
        self.find(setting).unwrap_or_else(default)
    }

    fn value<T>(
        &self,
        setting: &Setting,
        read: impl Fn(&str) -> Result<T, Expected>,
    ) -> Result<T, ConfigError> {
        let (value, by) = self.find_or_default(setting);
        checked(setting, &value, by, read)
    }

    fn optional<T>(
        &self,
        setting: &Setting,
        read: impl Fn(&str) -> Result<T, Expected>,
    ) -> Result<Option<T>, ConfigError> {
        match self.find(setting) {
            Some((value, by)) if !value.is_empty() => checked(setting, &value, by, read).map(Some),
            _ => Ok(None),
        }
    }

    fn refuse(&self, setting: &Setting, expected: impl Into<Expected>) -> ConfigError {
        let (value, by) = self.find_or_default(setting);
        ConfigError::new(setting, &value, by, expected.into())
    }
}

/// Reads a value, unless it holds what no setting can mean: control characters, or bytes that were no UTF-8.
fn checked<T>(
    setting: &Setting,
    value: &str,
    by: Source,
    read: impl Fn(&str) -> Result<T, Expected>,
) -> Result<T, ConfigError> {
    let result = if value
        .chars()
        .any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER)
    {
        Err("give plain text on one line".into())
    } else {
        read(value)
    };
    result.map_err(|expected| ConfigError::new(setting, value, by, expected))
}

#[cfg(test)]
mod tests;
