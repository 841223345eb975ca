//! The one line that a person reads when a value cannot be used.

use std::borrow::Cow;

use super::{Repeat, Setting, Source};

/// The longest value that an error repeats, in characters.
const LONGEST: usize = 120;

/// A value that cannot be used. Displayed, it is one line without a password in it.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name}{value}: {expected}")]
pub struct ConfigError {
    name: String,
    value: String,
    expected: Cow<'static, str>,
    source_of_value: Source,
}

impl ConfigError {
    pub(super) fn new(
        setting: &Setting,
        value: &str,
        given_by: Source,
        expected: Cow<'static, str>,
    ) -> Self {
        let value = match setting.repeat {
            Repeat::Whole => format!(" is `{}`", on_one_line(value)),
            Repeat::WithoutPassword => format!(" is `{}`", on_one_line(&without_password(value))),
            Repeat::Nothing => String::new(),
        };
        ConfigError {
            name: setting.name(given_by),
            value,
            expected,
            source_of_value: given_by,
        }
    }

    /// Who gave the value: a bad flag is a wrong command line, a bad variable is not.
    pub fn given_by(&self) -> Source {
        self.source_of_value
    }
}

fn on_one_line(value: &str) -> String {
    let mut line: String = value
        .chars()
        .take(LONGEST)
        .flat_map(|char| match char {
            '`' => "'".chars().collect(),
            char if char.is_control() => char.escape_default().collect::<Vec<_>>(),
            char => vec![char],
        })
        .collect();
    if value.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// A URL with `***` for its user, its password and every `password=` of its query.
///
/// It works on text, not on a parsed URL, because it is most needed where parsing failed. In doubt it hides too much.
pub(super) fn without_password(url: &str) -> String {
    let (scheme, rest) = match url.find("://") {
        Some(at) => url.split_at(at + 3),
        None => ("", url),
    };
    let rest = match rest.rfind('@') {
        Some(at) => format!("***{}", &rest[at..]),
        None => without_password_for_port(rest),
    };
    let Some((path, query)) = rest.split_once('?') else {
        return format!("{scheme}{rest}");
    };
    let query: Vec<_> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if key.to_ascii_lowercase().contains("pass") => format!("{key}=***"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{scheme}{path}?{}", query.join("&"))
}

/// `user:password` without a host looks like `host:port`; a port that is no number is hidden.
fn without_password_for_port(rest: &str) -> String {
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') && port.parse::<u16>().is_err() => {
            format!("{host}:***{path}")
        }
        _ => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings;

    #[test]
    fn a_password_is_hidden_wherever_it_may_stand_in_a_url() {
        for url in [
            "postgres://ana:s3cret@host/db",
            "postgres://ana:s3cret/@host/db",
            "postgres://ana:s3cret",
            "ana:s3cret@host",
            "mysql://:s3cret@host:1/db",
            "postgres://host/db?user=ana&password=s3cret&sslmode=require",
            "postgres://host/db?PASSWORD=s3cret",
        ] {
            let shown = without_password(url);
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(shown.contains("***"), "{shown}");
        }
    }

    #[test]
    fn a_url_without_a_password_is_shown_as_it_is() {
        for url in [
            "postgres://host:5432/db?sslmode=require",
            "postgres://[::1]/db",
            "sqlite://cadastro.db",
            "cadastro.db",
        ] {
            assert_eq!(without_password(url), url);
        }
    }

    #[test]
    fn a_value_of_many_lines_is_told_on_one() {
        let value = format!("a\nb\u{1b}[31m`c`{}", "x".repeat(500));
        let error = ConfigError::new(&settings::LOCALE, &value, Source::Flag, "no".into());
        let line = error.to_string();
        assert!(
            line.starts_with("--locale is `a\\nb\\u{1b}[31m'c'xxx"),
            "{line}"
        );
        assert!(line.len() < 200 && !line.contains('\n'), "{line}");
    }
}
