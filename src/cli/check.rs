//! `cadastro check`: proves the settings before somebody relies on them.

use std::io::{self, Write};

use clap::{Arg, ArgMatches, Command};
use serde_json::json;
use url::{Host, Url};

use super::{Failure, open, output::printable};
use crate::{
    account::EmailAddress,
    app::{self, AppError},
    clock::Clock,
    config::Config,
    mail::{Draft, MailError, Mailer, message_id},
    store::Store,
    text::{Locale, Text},
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
             accepts the log-in, the base URL is one that a reader of a letter can follow, the proxy before it is \
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
    pub(super) async fn run(self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let mut report = Report {
            out,
            lines: 0,
            failed: 0,
        };

        let mailer = app::mailer(config);
        let settings = match &mailer {
            Ok(_) => Ok("all of them can be read".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        report.line("settings", settings)?;

        let store = database(config).await;
        let answers = format!("{} answers", config.database_url);
        report.line(
            "database",
            store.as_ref().map(|_| answers).map_err(Clone::clone),
        )?;
        report.line("migrations", migrations(store.ok()).await)?;

        let mailer = mailer.map_err(|_| "its settings cannot be read".to_owned());
        report.line("mail server", mail_server(config, mailer.as_ref()).await)?;
        report.line("base URL", base_url(config))?;
        report.hint("proxies", proxies(config))?;
        if let Some(to) = &self.send_mail_to {
            report.line("letter", letter(config, mailer.as_ref(), to).await)?;
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

async fn database(config: &Config) -> Result<Store, String> {
    if let Some(missing) = open::missing(config) {
        return Err(missing);
    }
    let store = app::open_store(config).await;
    let store = store.map_err(|error| error.to_string())?;
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

async fn mail_server(config: &Config, mailer: Result<&Mailer, &String>) -> Proof {
    let mailer = mailer.map_err(Clone::clone)?;
    let Some(server) = &config.smtp_url else {
        return Ok("none is set: letters stay in the page /dev/mailbox".to_owned());
    };
    match mailer.prove().await {
        Ok(()) => Ok(format!("{server} is ready for letters")),
        Err(error) => Err(format!("{server}: {error}; check --smtp-url")),
    }
}

fn base_url(config: &Config) -> Proof {
    let url = config.base_url(config.listen);
    match where_to(&url) {
        Reach::Nowhere => Err(format!(
            "links in letters would begin with {url}, which leads nowhere; set --base-url"
        )),
        Reach::ThisMachine => Ok(format!("{url} leads to this machine alone")),
        Reach::Everywhere if url.scheme() == "https" => Ok(url.to_string()),
        Reach::Everywhere => Err(format!(
            "over {url} passwords travel in the clear; serve through a proxy that speaks TLS, and set --base-url \
             to its https:// address"
        )),
    }
}

fn proxies(config: &Config) -> Proof {
    let trusted = &config.trusted_proxies;
    if config.mistakes_proxy_for_visitors() {
        return Err(
            "https is the work of a proxy, and none is trusted: all visitors share one limit, so that thirty sign-ups \
             a minute are all there can be; name the proxy with --trusted-proxies"
                .to_owned(),
        );
    }
    Ok(match trusted.as_slice() {
        [] => "none is trusted: visitors are told apart by where they connect from".to_owned(),
        some => {
            let names: Vec<_> = some.iter().map(ToString::to_string).collect();
            format!("{} may say for whom they ask", names.join(", "))
        }
    })
}

/// From where a link can be followed.
enum Reach {
    Nowhere,
    ThisMachine,
    Everywhere,
}

fn where_to(url: &Url) -> Reach {
    let (unspecified, loopback) = match url.host() {
        Some(Host::Ipv4(address)) => (address.is_unspecified(), address.is_loopback()),
        Some(Host::Ipv6(address)) => (address.is_unspecified(), address.is_loopback()),
        Some(Host::Domain(name)) => (false, name == "localhost" || name.ends_with(".localhost")),
        None => (true, false),
    };
    match (unspecified, loopback) {
        (true, _) => Reach::Nowhere,
        (_, true) => Reach::ThisMachine,
        _ => Reach::Everywhere,
    }
}

async fn letter(config: &Config, mailer: Result<&Mailer, &String>, to: &str) -> Proof {
    let mailer = mailer.map_err(Clone::clone)?;
    if config.smtp_url.is_none() {
        return Err("there is no mail server to send it; set --smtp-url".to_owned());
    }
    let draft = draft(config, mailer, to)?;
    let sent = async {
        let letter = mailer.write(draft)?;
        let mut connection = mailer.connect().await?;
        let accepted = connection.send(&letter).await?;
        connection.close().await;
        Ok::<_, MailError>(accepted)
    };
    match sent.await {
        Ok(accepted) => Ok(format!("accepted for {to}: {}", accepted.reply)),
        Err(error) => Err(error.to_string()),
    }
}

fn draft(config: &Config, mailer: &Mailer, to: &str) -> Result<Draft, String> {
    let to = EmailAddress::parse(to).map_err(|_| format!("{to} is no e-mail address"))?;
    let text = Text::new().map_err(|error| AppError::from(error).to_string())?;
    let locale: Locale = config.locale.parse().unwrap_or_default();
    let base_url = config.base_url(config.listen);
    let data = json!({ "base_url": base_url.as_str().trim_end_matches('/') });
    let render = |part: &str| {
        let template = format!("email/check.{part}");
        let rendered = text.render(&template, locale, &data);
        rendered.map_err(|error| error.to_string())
    };
    let date = Clock::system().now();
    Ok(Draft {
        to: to.ascii().to_owned(),
        subject: text.sentence(locale, "email.check.subject", &[]),
        text: render("text")?,
        html: render("html")?,
        // No job has the number 0.
        message_id: message_id(0, date, mailer.sender().domain()),
        date,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, settings};

    fn judged(listen: &str, base_url: &str) -> Proof {
        let config = Config::read(|setting| {
            let value = match setting {
                s if *s == settings::LISTEN => listen,
                s if *s == settings::BASE_URL => base_url,
                _ => return None,
            };
            Some((value.to_owned(), Source::Environment))
        });
        super::base_url(&config.expect("good settings"))
    }

    #[test]
    fn a_link_has_to_lead_somewhere_and_in_secret_unless_it_stays_here() {
        for (listen, base_url) in [
            ("127.0.0.1:8080", ""),
            ("[::1]:8080", ""),
            ("0.0.0.0:80", "http://localhost"),
            ("0.0.0.0:80", "http://cadastro.localhost:8080"),
            ("0.0.0.0:80", "https://example.org"),
        ] {
            assert!(judged(listen, base_url).is_ok(), "{listen} {base_url}");
        }
        for (listen, base_url, why) in [
            ("0.0.0.0:80", "", "leads nowhere"),
            ("[::]:80", "", "leads nowhere"),
            ("192.0.2.1:80", "", "in the clear"),
            ("127.0.0.1:80", "http://example.org", "in the clear"),
            (
                "127.0.0.1:80",
                "http://localhost.example.org",
                "in the clear",
            ),
        ] {
            let refused = judged(listen, base_url).expect_err(base_url);
            assert!(refused.contains(why), "{listen} {base_url}: {refused}");
        }
    }
}
