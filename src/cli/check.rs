//! `cadastro check`: proves the settings before somebody relies on them.

mod letters;
mod visitors;

use std::io::{self, Write};

use clap::{Arg, ArgMatches, Command};

use super::{Failure, open, output::printable};
use crate::{
    app::{self, AppError, Builder},
    store::Store,
};

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
             accepts the log-in, nobody on the way can read its password, the base URL is one that a reader of a letter can follow, the proxy before it is \
             known. Exits 1 if any fails.",
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

/// What was proved, or why not and what to do.
type Proof = Result<String, String>;

impl Check {
    /// Proves everything, however much of it fails, and answers on `out`.
    pub(super) async fn run(self, app: &Builder, out: &mut dyn Write) -> Result<(), Failure> {
        let config = app.config();
        let mut report = Report {
            out,
            lines: 0,
            failed: 0,
        };

        // One that cannot be read has ended the program with a line of its own.
        let served = app.catalogue().and_then(|_| app.text());
        let readable = "all of them can be read".to_owned();
        report.line(
            "settings",
            served.map(|_| readable).map_err(|error| error.to_string()),
        )?;

        let store = database(app).await;
        let answers = format!("{} answers", config.database_url);
        report.line(
            "database",
            store.as_ref().map(|_| answers).map_err(Clone::clone),
        )?;
        report.line("migrations", migrations(store.ok()).await)?;

        let mailer = app::mailer(config).map_err(AppError::from)?;
        report.line("mail server", letters::mail_server(config, &mailer).await)?;
        report.line("base URL", visitors::base_url(config))?;
        report.hint("proxies", visitors::proxies(config))?;
        if let Some(to) = &self.send_mail_to {
            report.line("letter", letters::letter(config, &mailer, to).await)?;
        }
        report.end()
    }
}

/// A line for each proof.
struct Report<'a> {
    out: &'a mut dyn Write,
    lines: u8,
    failed: u8,
}

impl Report<'_> {
    fn line(&mut self, what: &str, proof: Proof) -> io::Result<()> {
        self.failed += u8::from(proof.is_err());
        self.write(what, proof, "FAILED")
    }

    /// What is wrong here keeps nothing from working, and somebody may have their reasons.
    fn hint(&mut self, what: &str, proof: Proof) -> io::Result<()> {
        self.write(what, proof, "WARN")
    }

    fn write(&mut self, what: &str, proof: Proof, otherwise: &str) -> io::Result<()> {
        self.lines += 1;
        let (word, text) = match &proof {
            Ok(text) => ("ok", text),
            Err(text) => (otherwise, text),
        };
        writeln!(self.out, "{word:<6}  {what:<11}  {}", printable(text))?;
        // Some proofs take their time; whoever waits sees how far we are.
        self.out.flush()
    }

    fn end(self) -> Result<(), Failure> {
        let Report { lines, failed, .. } = self;
        match failed {
            0 => Ok(()),
            _ => Err(Failure::Refused(format!(
                "{failed} of {lines} checks failed; their lines say what to do"
            ))),
        }
    }
}

async fn database(app: &Builder) -> Result<Store, String> {
    let config = app.config();
    if let Some(missing) = open::missing(config) {
        return Err(missing);
    }
    let store = app.store().map_err(|error| error.to_string())?;
    match store.ping().await {
        Ok(()) => Ok(store),
        Err(error) => Err(format!(
            "{}: {error}; check --database-url",
            config.database_url
        )),
    }
}

async fn migrations(store: Option<Store>) -> Proof {
    let store = store.ok_or("not known while the database does not answer")?;
    match store.pending_migrations().await {
        Ok(pending) if pending.is_empty() => Ok("none is pending".to_owned()),
        Ok(pending) => Err(format!(
            "pending: {}; `cadastro migrate` applies them",
            pending.join(", ")
        )),
        Err(error) => Err(error.to_string()),
    }
}
