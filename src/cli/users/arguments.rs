//! The arguments of `cadastro users`.

use clap::{Arg, ArgAction, ArgMatches, Command, builder::TypedValueParser, value_parser};

use super::Users;
use crate::{
    account::UserId,
    cli::{json, json_flag, required, subcommand},
};

pub(in crate::cli) fn arguments() -> Command {
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
                        .help("Go on where an earlier list ended")
                        .value_parser(value_parser!(i64).range(1..).map(UserId)),
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
                .long_about(
                    "Deletes an account with its sessions and receipts, the letters to it and what its jobs said of it; \
                     there is no way back. Its jobs stay, without a name: those that run are cancelled at once, and those \
                     that still need the account when their time comes.",
                )
                .arg(login())
                .arg(
                    Arg::new("yes")
                        .long("yes")
                        .action(ArgAction::SetTrue)
                        .help("Yes, delete it; without this nothing is deleted"),
                )
                .arg(json_flag()),
        )
}

pub(in crate::cli) fn read(matches: &ArgMatches) -> Users {
    let (name, matches) = subcommand(matches);
    let json = json(matches);
    match name {
        "list" => Users::List {
            limit: required(matches, "limit"),
            cursor: matches.get_one("cursor").copied(),
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
            yes: matches.get_flag("yes"),
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
