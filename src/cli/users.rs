//! `cadastro users`: accounts, for whoever has the terminal.

use clap::{Arg, ArgMatches, Command, value_parser};

use super::{json, json_flag, required, subcommand};

/// What to do with accounts. Passwords are asked for, never given as arguments: every process of a machine sees those.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Users {
    /// Tell of many, the newest first.
    List {
        /// So many at most, from 1 to 1000.
        limit: u16,
        /// Where an earlier list ended.
        cursor: Option<String>,
        /// For programs.
        json: bool,
    },
    /// Tell of one.
    Show {
        /// Username or e-mail address.
        login: String,
        /// For programs.
        json: bool,
    },
    /// Make an account that may see the operator's console.
    CreateOperator {
        /// As they will log in.
        username: String,
        /// Likewise.
        email: String,
        /// For programs.
        json: bool,
    },
    /// Give an account another password and end its sessions.
    SetPassword {
        /// Username or e-mail address.
        login: String,
        /// For programs.
        json: bool,
    },
    /// Forget an account.
    Delete {
        /// Username or e-mail address.
        login: String,
        /// For programs.
        json: bool,
    },
}

pub(super) fn arguments() -> Command {
    Command::new("users")
        .about("List, show, create and delete accounts; set passwords")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(EXAMPLES)
        .subcommand(
            Command::new("list")
                .about("List accounts, the newest first")
                .arg(
                    Arg::new("limit")
                        .long("limit")
                        .value_name("COUNT")
                        .help("So many at most")
                        .value_parser(value_parser!(u16).range(1..=1000))
                        .default_value("50"),
                )
                .arg(
                    Arg::new("cursor")
                        .long("cursor")
                        .value_name("CURSOR")
                        .help("Go on where an earlier list ended"),
                )
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("show")
                .about("Show one account")
                .arg(login())
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("create-operator")
                .about("Create an account that may see the operator's console")
                .long_about(format!(
                    "Creates an account that may see the operator's console. {PASSWORD}"
                ))
                .arg(
                    Arg::new("username")
                        .value_name("USERNAME")
                        .required(true)
                        .help("The name to log in with"),
                )
                .arg(
                    Arg::new("email")
                        .value_name("EMAIL")
                        .required(true)
                        .help("The operator's e-mail address"),
                )
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("set-password")
                .about("Give an account another password and end its sessions")
                .long_about(format!(
                    "Gives an account another password and ends its sessions. {PASSWORD}"
                ))
                .arg(login())
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("delete")
                .about("Delete an account with its sessions; there is no way back")
                .arg(login())
                .arg(json_flag()),
        )
}

pub(super) fn read(matches: &ArgMatches) -> Users {
    let (name, matches) = subcommand(matches);
    let json = json(matches);
    match name {
        "list" => Users::List {
            limit: required(matches, "limit"),
            cursor: matches.get_one("cursor").cloned(),
            json,
        },
        "show" => Users::Show {
            login: required(matches, "login"),
            json,
        },
        "create-operator" => Users::CreateOperator {
            username: required(matches, "username"),
            email: required(matches, "email"),
            json,
        },
        "set-password" => Users::SetPassword {
            login: required(matches, "login"),
            json,
        },
        "delete" => Users::Delete {
            login: required(matches, "login"),
            json,
        },
        other => unreachable!("clap lets `users {other}` not through"),
    }
}

fn login() -> Arg {
    Arg::new("login")
        .value_name("USER")
        .required(true)
        .help("Username or e-mail address")
}

const PASSWORD: &str = "\
The password is asked for at a terminal; otherwise it is the first line of standard input, so that it never stands \
on a command line.";

const EXAMPLES: &str = "\
Examples:
  cadastro users create-operator ana ana@example.org
  cadastro users set-password ana < password.txt
  cadastro users show ana@example.org --json";
