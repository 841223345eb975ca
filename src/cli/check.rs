//! `cadastro check`: proves the settings before somebody relies on them.

use clap::{Arg, ArgMatches, Command};

/// What to prove.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Check {
    /// Who gets a real letter, if anybody.
    pub send_mail_to: Option<String>,
}

pub(super) fn arguments() -> Command {
    Command::new("check")
        .about("Prove the settings: database, mail server, base URL")
        .long_about(
            "Proves the settings, a line each: the database answers and is migrated, the mail server answers and \
             accepts the log-in, the base URL is one that a reader of a letter can follow. Exits 1 if any fails.",
        )
        .arg(
            Arg::new("send-mail-to")
                .long("send-mail-to")
                .value_name("ADDRESS")
                .help("Send a real letter to this address as well"),
        )
}

pub(super) fn read(matches: &ArgMatches) -> Check {
    Check {
        send_mail_to: matches.get_one("send-mail-to").cloned(),
    }
}
