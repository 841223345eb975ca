use std::{cell::RefCell, collections::BTreeSet};

use proptest::prelude::*;

use super::*;

/// Reads with these environment variables and nothing else.
fn environment(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read(|setting| {
        let (_, value) = values.iter().find(|(env, _)| *env == setting.env)?;
        Some(((*value).to_owned(), Source::Environment))
    })
}

#[test]
fn nothing_given_is_a_complete_configuration() {
    let config = environment(&[]).expect("the defaults are readable");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        config.base_url(config.listen).as_str(),
        "http://127.0.0.1:8080/"
    );
    assert_eq!(config.database_url.to_string(), "sqlite://cadastro.db");
    assert_eq!(config.smtp_url, None);
    assert_eq!(config.welcome_delay, Duration::from_secs(10));
    assert_eq!((config.email_actors, config.task_actors), (8, 256));
    assert_eq!(config.password_hash.to_string(), "m=19456,t=2,p=1");
    assert!(config.rate_limit && config.trusted_proxies.is_empty());
}

#[test]
fn every_setting_of_the_list_is_read_and_no_other() {
    let asked = RefCell::new(BTreeSet::new());
    let read = Config::read(|setting| {
        asked.borrow_mut().insert(setting.env);
        None
    });
    read.expect("the defaults are readable");
    assert_eq!(
        asked.into_inner(),
        settings::ALL.iter().map(|setting| setting.env).collect()
    );
    let flags: BTreeSet<_> = settings::ALL
        .iter()
        .filter_map(|setting| setting.flag)
        .collect();
    assert_eq!(
        flags.len(),
        settings::ALL
            .iter()
            .filter(|setting| setting.flag.is_some())
            .count()
    );
}

#[test]
fn every_value_reaches_its_field() {
    let config = environment(&[
        ("CADASTRO_LISTEN", "[::1]:0"),
        ("DATABASE_URL", "postgres://ana:pw@host/db"),
        ("SMTP_URL", "smtp://ana:pw@host:587?tls=required"),
        ("MAIL_FROM", "no-reply@example.org"),
        ("CADASTRO_BASE_URL", "https://example.org"),
        ("CADASTRO_LOCALE", "EN"),
        ("CADASTRO_WELCOME_DELAY", "0s"),
        ("CADASTRO_SIMPLE_TASK", "250ms"),
        ("CADASTRO_PARAMETER_TASK", "5m"),
        ("CADASTRO_EMAIL_ACTORS", "1"),
        ("CADASTRO_TASK_ACTORS", "10000"),
        ("CADASTRO_PASSWORD_HASH", "m=8,t=1,p=1"),
        ("CADASTRO_ALLOW_WEAK_HASH", "1"),
        ("CADASTRO_SHUTDOWN_GRACE", "1m 30s"),
        ("CADASTRO_LEASE", "2s"),
        ("CADASTRO_RETENTION", "completed=1h, discarded=forever"),
        (
            "CADASTRO_SECRET_KEY",
            "4242424242424242424242424242424242424242424242424242424242424242, QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=",
        ),
        ("CADASTRO_RATE_LIMIT", "off"),
        ("CADASTRO_TRUSTED_PROXIES", "10.0.0.1, fd00::/8"),
        (
            "CADASTRO_OPERATOR_TOKEN",
            "0123456789abcdef0123456789abcdef",
        ),
        ("CADASTRO_LOG_FORMAT", "json"),
        ("RUST_LOG", "debug"),
    ])
    .expect("all of it is readable");
    assert_eq!(config.secret_keys[0], config.secret_keys[1]);
    insta::assert_debug_snapshot!(config);
}

#[test]
fn an_unreadable_value_is_named_with_its_setting_and_what_is_expected() {
    let lines: Vec<_> = [
        ("CADASTRO_LISTEN", "8080"),
        ("DATABASE_URL", "mysql://root:hunter2@localhost/x"),
        ("SMTP_URL", "imap://ana:hunter2@host"),
        ("MAIL_FROM", "Cadastro"),
        ("CADASTRO_BASE_URL", "https://ana:hunter2@example.org/below"),
        ("CADASTRO_LOCALE", "fr"),
        ("CADASTRO_WELCOME_DELAY", "10"),
        ("CADASTRO_SIMPLE_TASK", "2years"),
        ("CADASTRO_PARAMETER_TASK", "-1s"),
        ("CADASTRO_EMAIL_ACTORS", "0"),
        ("CADASTRO_TASK_ACTORS", "many"),
        ("CADASTRO_PASSWORD_HASH", "m=8,t=1,p=1"),
        ("CADASTRO_ALLOW_WEAK_HASH", "yes"),
        ("CADASTRO_LEASE", "1ms"),
        ("CADASTRO_RETENTION", "completed=1s"),
        ("CADASTRO_SECRET_KEY", "hunter2"),
        ("CADASTRO_RATE_LIMIT", "no"),
        ("CADASTRO_TRUSTED_PROXIES", "proxy"),
        ("CADASTRO_OPERATOR_TOKEN", "hunter2"),
        ("CADASTRO_LOG_FORMAT", "xml"),
        ("RUST_LOG", "a\nb"),
    ]
    .into_iter()
    .map(|given| environment(&[given]).expect_err(given.0).to_string())
    .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_kept_of_a_state_that_is_not_named_is_the_usual() {
    let kept = |value| environment(&[("CADASTRO_RETENTION", value)]).map(|config| config.retention);
    let usual = environment(&[])
        .expect("the defaults are readable")
        .retention;
    assert_eq!(usual.completed, Some(7 * DAY));
    let some = kept("discarded=forever").expect("readable");
    assert_eq!((some.discarded, some.completed), (None, usual.completed));
    assert_eq!(kept("forever").expect("readable"), Retention::FOREVER);
    for wrong in [
        "7d",
        "available=7d",
        "completed=soon",
        "completed=7d,",
        "completed=99999999days",
    ] {
        assert!(kept(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_error_remembers_who_gave_the_value() {
    let error = Config::read(|setting| {
        (setting.env == "CADASTRO_LEASE").then(|| ("soon".to_owned(), Source::Flag))
    })
    .expect_err("soon is no duration");
    assert_eq!(error.given_by(), Source::Flag);
    assert!(
        error.to_string().starts_with("--lease is `soon`"),
        "{error}"
    );
}

#[test]
fn an_empty_variable_counts_as_unset_and_an_empty_flag_unsets() {
    let config = environment(&[("CADASTRO_LISTEN", ""), ("SMTP_URL", "")]).expect("unset");
    assert_eq!((config.listen.port(), config.smtp_url), (8080, None));

    let empty = |env| Config::read(move |s| (s.env == env).then(|| (String::new(), Source::Flag)));
    assert_eq!(empty("SMTP_URL").expect("no mail server").smtp_url, None);
    assert!(empty("CADASTRO_LISTEN").is_err());
}

#[test]
fn links_begin_with_the_address_that_was_bound_unless_told_otherwise() {
    let bound = "[fe80::1%3]:4321".parse().expect("an address with a zone");
    let config = environment(&[]).expect("the defaults");
    assert_eq!(config.base_url(bound).as_str(), "http://[fe80::1]:4321/");
    let config = environment(&[("CADASTRO_BASE_URL", "https://example.org")]).expect("a base URL");
    assert_eq!(config.base_url(bound).as_str(), "https://example.org/");
}

proptest! {
    #[test]
    fn no_text_makes_a_panic_or_a_second_line(which in 0..settings::ALL.len(), text in ".*") {
        let read = Config::read(|s| (s == &settings::ALL[which]).then(|| (text.clone(), Source::Flag)));
        if let Err(error) = read {
            prop_assert!(!error.to_string().contains(['\n', '\r']));
        }
    }

    #[test]
    fn no_password_reaches_an_error_or_the_log(
        scheme in "(postgres|smtps?|mysql|https|)",
        user in "[a-z]{0,5}",
        host in "[a-z:/?#]{0,9}",
    ) {
        let url = format!("{scheme}://{user}:hunter2@{host}");
        for env in ["DATABASE_URL", "SMTP_URL", "CADASTRO_BASE_URL"] {
            let shown = match environment(&[(env, &url)]) {
                Ok(config) => format!("{config:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
        }
    }
}
