//! What there is to know about one setting, besides its value.

/// One thing that a person may decide about a running cadastro.
#[derive(Debug, Eq, PartialEq)]
pub struct Setting {
    /// What it is about; `--help` keeps one subject together.
    pub subject: Subject,
    /// The long flag, without its dashes. `None`: it is set by the environment alone.
    pub flag: Option<&'static str>,
    /// The environment variable.
    pub env: &'static str,
    /// What counts when neither is given; read like any other value. `None`: there is no fixed one, `help` says what then.
    pub default: Option<&'static str>,
    /// What stands for the value in `--help`.
    pub value_name: &'static str,
    /// One sentence without a full stop.
    pub help: &'static str,
    /// How much of a value an error may repeat.
    pub repeat: Repeat,
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject {
    /// The pages and the API.
    Web,
    /// Where users and jobs are kept.
    Database,
    /// The letters' way out.
    Mail,
    /// What is done later.
    Jobs,
    /// How they are hashed.
    Passwords,
    /// What the process tells of itself.
    Log,
}

/// How much of a value may be repeated in an error or a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repeat {
    /// All of it.
    Whole,
    /// It may be a URL: all but user and password.
    WithoutPassword,
    /// Nothing of it.
    Nothing,
}

/// Where a value came from. Flag beats environment beats default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The command line.
    Flag,
    /// An environment variable.
    Environment,
    /// Nobody said anything.
    Default,
}

impl Setting {
    /// What a person calls this setting, given where they set it: `--listen` or `CADASTRO_LISTEN`.
    pub fn name(&self, source: Source) -> String {
        match (self.flag, source) {
            (Some(flag), Source::Flag | Source::Default) => format!("--{flag}"),
            _ => self.env.to_owned(),
        }
    }
}
