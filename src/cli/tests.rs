use std::time::Duration;

use super::{jobs::Meant, *};
use crate::{
    config::LogFormat,
    queue::{Due, JobId, State, States, Unique, Wins},
    store::{JobFilter, Move},
};

fn given(line: &str, environment: &[(&str, &str)]) -> Result<Invocation, Ending> {
    let words = std::iter::once("cadastro").chain(line.split_whitespace());
    read(words.map(OsString::from), |name| {
        let (_, value) = environment.iter().find(|(variable, _)| *variable == name)?;
        Some(OsString::from(value))
    })
}

fn command(line: &str) -> Command {
    given(line, &[]).expect(line).command
}

#[test]
fn clap_finds_no_fault_in_the_arguments() {
    arguments().debug_assert();
}

#[test]
fn no_word_at_all_serves() {
    assert_eq!(command(""), Command::Serve);
    assert_eq!(command("serve"), Command::Serve);
    assert_eq!(command("migrate"), Command::Migrate);
}

#[test]
fn every_question_of_an_operator_is_understood() {
    assert_eq!(
        command("check --send-mail-to ana@example.org"),
        Command::Check(Check {
            send_mail_to: Some("ana@example.org".to_owned())
        })
    );
    assert_eq!(
        command("jobs list --state discarded --queue email --json"),
        Command::Jobs(Jobs::List {
            filter: JobFilter {
                state: Some(State::Discarded),
                kind: None,
                queue: Some("email".to_owned()),
            },
            limit: 50,
            cursor: None,
            json: true,
        })
    );
    assert_eq!(
        command("jobs retry 1 2"),
        Command::Jobs(Jobs::Move {
            how: Move::Retry,
            which: Meant::These(vec![JobId(1), JobId(2)]),
            json: false
        })
    );
    assert_eq!(
        command("jobs cancel --kind simple_task --dry-run"),
        Command::Jobs(Jobs::Move {
            how: Move::Cancel,
            which: Meant::All {
                filter: JobFilter {
                    kind: Some("simple_task".to_owned()),
                    ..JobFilter::default()
                },
                dry_run: true,
            },
            json: false
        })
    );
    assert_eq!(
        command(r#"jobs enqueue parameter_task {"parameter":"x"} --in 5m --priority -1"#),
        Command::Jobs(Jobs::Enqueue {
            kind: "parameter_task".to_owned(),
            args: Some(serde_json::json!({"parameter": "x"})),
            due: Some(Due::After(Duration::from_secs(300))),
            priority: Some(-1),
            max_attempts: None,
            unique: None,
            queue: None,
            limit_key: None,
            json: false,
        })
    );
    let unique = Unique::by_key("x").while_in(States::of(&[State::Completed]));
    let unique = unique.per(Duration::from_secs(3600)).wins(Wins::Replace);
    let line =
        "jobs enqueue a --unique-key x --unique-while completed --unique-per 1h --wins replace";
    match command(line) {
        Command::Jobs(Jobs::Enqueue { unique: read, .. }) => assert_eq!(read, Some(unique)),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        command("queues pause email"),
        Command::Queues(Queues::Pause {
            queue: "email".to_owned(),
            json: false
        })
    );
    assert_eq!(
        command("users create-operator ana ana@example.org"),
        Command::Users(Users::CreateOperator {
            username: "ana".to_owned(),
            email: "ana@example.org".to_owned(),
            json: false,
        })
    );
}

#[test]
fn a_flag_counts_before_and_after_the_subcommand_and_beats_the_environment() {
    let environment = [("CADASTRO_LEASE", "1s"), ("CADASTRO_LOG_FORMAT", "json")];
    for line in [
        "--lease 2s jobs list",
        "jobs --lease 2s list",
        "jobs list --lease=2s",
    ] {
        let config = given(line, &environment).expect(line).config;
        assert_eq!(config.lease, Duration::from_secs(2), "{line}");
        assert_eq!(config.log_format, LogFormat::Json);
    }
}

#[test]
fn a_wrong_command_line_exits_with_2_and_a_wrong_environment_with_1() {
    for line in [
        "sevre",
        "--lesae 1s",
        "--lease",
        "--lease 1s --lease 2s",
        "--lease soon",
        "jobs",
        "jobs list --state lost",
        "jobs list --limit 0",
        "jobs show",
        "jobs show x",
        "jobs retry",
        "jobs retry --dry-run",
        "jobs retry 1 --state discarded",
        "jobs cancel 1 --dry-run",
        "jobs cancel --all --kind a",
        "jobs edit 1",
        "jobs edit --in 5m",
        "jobs enqueue a --wins replace",
        "jobs enqueue a --unique --unique-key x",
        "jobs enqueue simple_task {",
        "jobs enqueue simple_task --in 1s --at 2026-01-01T00:00:00Z",
        "queues pause Post",
        "users show",
        "users create-operator ana",
    ] {
        assert_eq!(given(line, &[]).expect_err(line).code(), 2, "{line}");
    }
    let ending = given("", &[("CADASTRO_LEASE", "soon")]).expect_err("soon is no duration");
    assert_eq!(ending.code(), 1);
    assert!(
        ending.to_string().starts_with("CADASTRO_LEASE is `soon`"),
        "{ending}"
    );
}

#[test]
fn help_and_version_exit_with_0() {
    for line in [
        "--help",
        "-h",
        "--version",
        "-V",
        "jobs --help",
        "jobs list -h",
        "users set-password --help",
    ] {
        assert_eq!(given(line, &[]).expect_err(line).code(), 0, "{line}");
    }
}

#[test]
fn help_tells_every_setting_with_its_variable_and_default() {
    let help = given("--help", &[]).expect_err("help").to_string();
    for setting in crate::config::settings::ALL {
        assert!(help.contains(setting.env), "{}", setting.env);
        let default = setting
            .default
            .map(|default| format!("[default: {default}]"));
        assert!(
            default.is_none_or(|default| help.contains(&default)),
            "{}",
            setting.env
        );
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let environment = |name: &str| {
        (name == "DATABASE_URL").then(|| OsString::from_vec(b"sqlite://\xff".to_vec()))
    };
    assert!(read(["cadastro".into()], environment).is_err());
}
