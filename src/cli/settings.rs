//! The settings as flags: every subcommand takes them all, before or after its name.

use std::ffi::OsString;

use clap::{Arg, ArgMatches};

use crate::config::{
    Setting, Source, Subject,
    settings::{ALL, LOG_LEVEL},
};

/// A flag for each setting that has one.
pub(super) fn arguments() -> impl Iterator<Item = Arg> {
    ALL.iter().filter_map(|setting| {
        let flag = setting.flag?;
        let help = match setting.default {
            Some(default) => format!(
                "{}\n[env: {}] [default: {default}]",
                setting.help, setting.env
            ),
            None => format!("{}\n[env: {}]", setting.help, setting.env),
        };
        let arg = Arg::new(flag)
            .long(flag)
            .value_name(setting.value_name)
            .help(help)
            .help_heading(heading(setting.subject))
            .global(true)
            // `-h` stays on one screen; `--help` tells all.
            .hide_short_help(true);
        Some(arg)
    })
}

/// Where a setting's value is found: among the flags, else in the environment.
pub(super) fn lookup(
    matches: &ArgMatches,
    environment: impl Fn(&str) -> Option<OsString>,
) -> impl Fn(&Setting) -> Option<(String, Source)> {
    move |setting| {
        let flag = setting
            .flag
            .and_then(|flag| matches.get_one::<String>(flag));
        match flag {
            Some(value) => Some((value.clone(), Source::Flag)),
            // What is no UTF-8 gets a sign in it that every setting refuses.
            None => environment(setting.env)
                .filter(|value| !value.is_empty())
                .map(|value| (value.to_string_lossy().into_owned(), Source::Environment)),
        }
    }
}

/// What a command that does not serve does otherwise, unless told: its answer is for the terminal, and of the log only
/// what went wrong is. That the database is away is its answer already.
pub(super) fn of_a_command(setting: &Setting) -> Option<(String, Source)> {
    (*setting == LOG_LEVEL).then(|| ("warn,cadastro::store=error".to_owned(), Source::Default))
}

/// The settings that have no flag, as the last lines of `--help`.
pub(super) fn environment_alone() -> String {
    let lines = ALL
        .iter()
        .filter(|setting| setting.flag.is_none())
        .map(|setting| {
            let default = setting
                .default
                .map(|default| format!(" [default: {default}]"));
            let default = default.unwrap_or_default();
            format!(
                "  {}={}\n          {}{default}",
                setting.env, setting.value_name, setting.help
            )
        });
    format!(
        "By environment variable alone:\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}

fn heading(subject: Subject) -> &'static str {
    match subject {
        Subject::Web => "Web",
        Subject::Database => "Database",
        Subject::Mail => "Mail",
        Subject::Jobs => "Jobs",
        Subject::Passwords => "Passwords",
        Subject::Log => "Log",
    }
}
