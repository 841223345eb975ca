//! Every setting. The command line, its help and the README's table are made from this list or checked against it.

use super::{Repeat, Setting, Subject};

pub const LISTEN: Setting = Setting {
    subject: Subject::Web,
    flag: Some("listen"),
    env: "CADASTRO_LISTEN",
    default: Some("127.0.0.1:8080"),
    value_name: "ADDRESS",
    help: "Address and port to serve on; port 0 picks a free one",
    repeat: Repeat::Whole,
};

pub const DATABASE_URL: Setting = Setting {
    subject: Subject::Database,
    flag: Some("database-url"),
    env: "DATABASE_URL",
    default: Some("sqlite://cadastro.db"),
    value_name: "URL",
    help: "Where users and jobs are kept: sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME",
    repeat: Repeat::WithoutPassword,
};

pub const SMTP_URL: Setting = Setting {
    subject: Subject::Mail,
    flag: Some("smtp-url"),
    env: "SMTP_URL",
    default: None,
    value_name: "URL",
    help: "The mail server: smtp:// or smtps://USER:PASSWORD@HOST:PORT, ?tls=required for STARTTLS; without it letters stay in the page /dev/mailbox",
    repeat: Repeat::WithoutPassword,
};

pub const MAIL_FROM: Setting = Setting {
    subject: Subject::Mail,
    flag: Some("mail-from"),
    env: "MAIL_FROM",
    default: Some("Cadastro <no-reply@localhost>"),
    value_name: "MAILBOX",
    help: "Sender of every letter",
    repeat: Repeat::Whole,
};

pub const BASE_URL: Setting = Setting {
    subject: Subject::Web,
    flag: Some("base-url"),
    env: "CADASTRO_BASE_URL",
    default: None,
    value_name: "URL",
    help: "What links in letters begin with; https turns on Secure cookies and HSTS; without it http:// and the address served on",
    repeat: Repeat::WithoutPassword,
};

pub const LOCALE: Setting = Setting {
    subject: Subject::Web,
    flag: Some("locale"),
    env: "CADASTRO_LOCALE",
    default: Some("pt-BR"),
    value_name: "LOCALE",
    help: "Language for visitors whose browser asks for none of ours: pt-BR or en",
    repeat: Repeat::Whole,
};

pub const WELCOME_DELAY: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("welcome-delay"),
    env: "CADASTRO_WELCOME_DELAY",
    default: Some("10s"),
    value_name: "DURATION",
    help: "From the sign-up to the welcome letter",
    repeat: Repeat::Whole,
};

pub const SIMPLE_TASK: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("simple-task"),
    env: "CADASTRO_SIMPLE_TASK",
    default: Some("5s"),
    value_name: "DURATION",
    help: "How long simple_task works",
    repeat: Repeat::Whole,
};

pub const PARAMETER_TASK: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("parameter-task"),
    env: "CADASTRO_PARAMETER_TASK",
    default: Some("10s"),
    value_name: "DURATION",
    help: "How long parameter_task works",
    repeat: Repeat::Whole,
};

pub const EMAIL_ACTORS: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("email-actors"),
    env: "CADASTRO_EMAIL_ACTORS",
    default: Some("8"),
    value_name: "COUNT",
    help: "Letters sent at once: supervised EmailActor instances, each with its own connection",
    repeat: Repeat::Whole,
};

pub const TASK_ACTORS: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("task-actors"),
    env: "CADASTRO_TASK_ACTORS",
    default: Some("256"),
    value_name: "COUNT",
    help: "Tasks run at once: supervised TaskActor instances",
    repeat: Repeat::Whole,
};

pub const PASSWORD_HASH: Setting = Setting {
    subject: Subject::Passwords,
    flag: Some("password-hash"),
    env: "CADASTRO_PASSWORD_HASH",
    default: Some("m=19456,t=2,p=1"),
    value_name: "COST",
    help: "Argon2id cost: memory in KiB, passes, lanes",
    repeat: Repeat::Whole,
};

pub const ALLOW_WEAK_HASH: Setting = Setting {
    subject: Subject::Passwords,
    flag: None,
    env: "CADASTRO_ALLOW_WEAK_HASH",
    default: None,
    value_name: "1",
    help: "1 accepts a password hash weaker than OWASP advises; for load tests only",
    repeat: Repeat::Whole,
};

pub const SHUTDOWN_GRACE: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("shutdown-grace"),
    env: "CADASTRO_SHUTDOWN_GRACE",
    default: Some("30s"),
    value_name: "DURATION",
    help: "How long a stop waits for running attempts",
    repeat: Repeat::Whole,
};

pub const LEASE: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("lease"),
    env: "CADASTRO_LEASE",
    default: Some("15s"),
    value_name: "DURATION",
    help: "How long an instance that went silent keeps its jobs",
    repeat: Repeat::Whole,
};

pub const RETENTION: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("retention"),
    env: "CADASTRO_RETENTION",
    default: Some("completed=7d,cancelled=30d,discarded=90d"),
    value_name: "STATE=DURATION",
    help: "How long jobs are kept that have ended, by state, separated by commas; forever keeps them for good",
    repeat: Repeat::Whole,
};

pub const SECRET_KEY: Setting = Setting {
    subject: Subject::Jobs,
    flag: Some("secret-key"),
    env: "CADASTRO_SECRET_KEY",
    default: None,
    value_name: "KEYS",
    help: "Seals the secret arguments of jobs: 32 bytes in base64 or hex; several, separated by commas, while one takes the place of another: the first seals, all open",
    repeat: Repeat::Nothing,
};

pub const RATE_LIMIT: Setting = Setting {
    subject: Subject::Web,
    flag: Some("rate-limit"),
    env: "CADASTRO_RATE_LIMIT",
    default: Some("on"),
    value_name: "on|off",
    help: "Limits on sign-up, log-in and live updates, by address; on log-in by account too; off for load tests only",
    repeat: Repeat::Whole,
};

pub const TRUSTED_PROXIES: Setting = Setting {
    subject: Subject::Web,
    flag: Some("trusted-proxies"),
    env: "CADASTRO_TRUSTED_PROXIES",
    default: None,
    value_name: "ADDRESSES",
    help: "Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas",
    repeat: Repeat::Whole,
};

pub const OPERATOR_TOKEN: Setting = Setting {
    subject: Subject::Web,
    flag: Some("operator-token"),
    env: "CADASTRO_OPERATOR_TOKEN",
    default: None,
    value_name: "TOKEN",
    help: "Bearer token for the operator's API, and for /metrics from elsewhere than this machine; 32 characters at least",
    repeat: Repeat::Nothing,
};

pub const LOG_FORMAT: Setting = Setting {
    subject: Subject::Log,
    flag: Some("log-format"),
    env: "CADASTRO_LOG_FORMAT",
    default: None,
    value_name: "FORMAT",
    help: "pretty or json; without it pretty on a terminal, else json",
    repeat: Repeat::Whole,
};

pub const LOG_LEVEL: Setting = Setting {
    subject: Subject::Log,
    flag: None,
    env: "RUST_LOG",
    default: Some("info"),
    value_name: "FILTER",
    help: "What is logged: error, warn, info, debug, trace, also by module (info,cadastro::actors=debug)",
    repeat: Repeat::Whole,
};

/// Every setting, in the order in which `--help` shows them.
pub const ALL: [Setting; 22] = [
    LISTEN,
    DATABASE_URL,
    SMTP_URL,
    MAIL_FROM,
    BASE_URL,
    LOCALE,
    WELCOME_DELAY,
    SIMPLE_TASK,
    PARAMETER_TASK,
    EMAIL_ACTORS,
    TASK_ACTORS,
    PASSWORD_HASH,
    ALLOW_WEAK_HASH,
    SHUTDOWN_GRACE,
    LEASE,
    RETENTION,
    SECRET_KEY,
    RATE_LIMIT,
    TRUSTED_PROXIES,
    OPERATOR_TOKEN,
    LOG_FORMAT,
    LOG_LEVEL,
];
