//! The settings that are URLs: the database, the mail server, the address that people see.

use std::{fmt, path::PathBuf, str::FromStr};

use url::{Host, Url};

use super::{error::without_password, value::Expected};

/// Where users and jobs are kept. Shown without its password.
#[derive(Clone, Eq, PartialEq)]
pub enum DatabaseUrl {
    /// `sqlite://PATH`: a file, relative to the working folder unless the path begins with `/`. Taken literally: `%20` is no space.
    Sqlite(PathBuf),
    /// `postgres://` or `postgresql://`, whole and unparsed: the store reads it.
    Postgres(String),
}

/// A mail server, whole and unparsed: the mail room reads it. Shown without its password.
#[derive(Clone, Eq, PartialEq)]
pub struct SmtpUrl(String);

impl SmtpUrl {
    /// The URL with its password.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text.split_once("://") {
            Some(("sqlite", path)) => sqlite_file(path).map(DatabaseUrl::Sqlite),
            Some(("postgres" | "postgresql", rest)) => {
                // Several hosts, `a:1,b:2`, are no URL of the standard, but PostgreSQL's drivers know them.
                if rest.contains(',') || Url::parse(text).is_ok() {
                    Ok(DatabaseUrl::Postgres(text.to_owned()))
                } else {
                    Err("give postgres://USER:PASSWORD@HOST:PORT/NAME, with %-escapes for signs such as @ and / in the password".into())
                }
            }
            _ => Err("give sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME".into()),
        }
    }
}

fn sqlite_file(path: &str) -> Result<PathBuf, Expected> {
    if path.is_empty() || path.ends_with('/') {
        Err("give the path of a file, such as sqlite://cadastro.db or sqlite:///var/lib/cadastro.db".into())
    } else if path.contains('?') {
        Err("a sqlite:// address takes no options; give the path of a file alone".into())
    } else if path == ":memory:" {
        Err("a sign-up has to outlive the process; give the path of a file".into())
    } else {
        Ok(PathBuf::from(path))
    }
}

impl FromStr for SmtpUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "smtp" | "smtps") && url.has_host() => {
                Ok(SmtpUrl(text.to_owned()))
            }
            _ => Err("give smtp:// or smtps://USER:PASSWORD@HOST:PORT, with %-escapes for signs such as @ and / in the password".into()),
        }
    }
}

/// Reads the beginning of links: a scheme and a host, and nothing that a link would have to be mounted under.
pub(super) fn base_url(text: &str) -> Result<Url, Expected> {
    let plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    match Url::parse(text) {
        Ok(url) if plain(&url) => Ok(url),
        _ => Err("give http:// or https:// and a host without a path, such as https://cadastro.example.org".into()),
    }
}

/// Whether what goes to this URL's host stays on this machine.
pub fn leads_here(url: &Url) -> bool {
    // Of other schemes than the web's, the standard leaves an address unread.
    let host = url.host_str().unwrap_or_default();
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Err(_) => false,
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_sqlite_path_may_be_relative_or_absolute() {
        for (url, path) in [
            ("sqlite://cadastro.db", "cadastro.db"),
            ("sqlite://data/with space.db", "data/with space.db"),
            ("sqlite:///var/lib/cadastro.db", "/var/lib/cadastro.db"),
        ] {
            let DatabaseUrl::Sqlite(read) = url.parse().expect(url) else {
                panic!("{url} is SQLite");
            };
            assert_eq!(read, Path::new(path));
        }
    }

    #[test]
    fn postgres_goes_by_two_names_and_to_the_store_untouched() {
        for url in [
            "postgres://ana:pw@db.example.org:5433/cadastro?sslmode=require",
            "postgresql:///cadastro?host=/run/postgresql",
            "postgresql://%2Frun%2Fpostgresql/cadastro",
            "postgres://a:5432,b:5433/cadastro",
        ] {
            assert_eq!(url.parse(), Ok(DatabaseUrl::Postgres(url.to_owned())));
        }
    }

    #[test]
    fn a_database_that_we_cannot_open_is_refused() {
        for url in [
            "",
            "cadastro.db",
            "sqlite:cadastro.db",
            "sqlite://",
            "sqlite:///",
            "sqlite://a.db?mode=ro",
            "sqlite://:memory:",
            "mysql://root@localhost/x",
            "postgres:x",
            "postgres://host:door/x",
        ] {
            assert!(url.parse::<DatabaseUrl>().is_err(), "{url}");
        }
    }

    #[test]
    fn a_mail_server_is_smtp_or_smtps() {
        for url in [
            "smtp://localhost:25",
            "smtps://ana:pw@mail.example.org?tls=required",
        ] {
            assert_eq!(url.parse::<SmtpUrl>().expect(url).as_str(), url);
        }
        for url in [
            "",
            "localhost:25",
            "smtp:",
            "smtp://",
            "http://localhost",
            "smtp://h:door",
        ] {
            assert!(url.parse::<SmtpUrl>().is_err(), "{url}");
        }
    }

    #[test]
    fn neither_shows_its_password() {
        let database: DatabaseUrl = "postgres://ana:pw@host/db".parse().expect("a database");
        let smtp: SmtpUrl = "smtps://ana:pw@host".parse().expect("a mail server");
        assert_eq!(
            format!("{database:?} {smtp:?}"),
            "postgres://***@host/db smtps://***@host"
        );
    }

    #[test]
    fn links_begin_with_a_scheme_and_a_host_alone() {
        for url in ["http://localhost:8080", "https://cadastro.example.org/"] {
            assert!(base_url(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "cadastro.example.org",
            "ftp://a",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://ana:pw@a",
            "https://",
            "javascript:alert(1)",
        ] {
            assert!(base_url(url).is_err(), "{url}");
        }
    }
}
