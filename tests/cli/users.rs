//! `cadastro users`.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
};

use cadastro::account::{Hasher, Login};
use serde_json::{Value, json};

use super::Terminal;
use crate::support::{app::TestApp, database::TestDatabase};

const PASSWORD: &str = "correct horse battery\n";

fn terminal(database: &TestDatabase) -> Terminal {
    Terminal::at(database)
        .with("CADASTRO_PASSWORD_HASH", "m=8,t=1,p=1")
        .with("CADASTRO_ALLOW_WEAK_HASH", "1")
}

/// Whether the stored hash is that of `password`.
async fn opens(database: &TestDatabase, username: &str, password: &str) -> bool {
    let app = TestApp::start(database).await;
    let login = Login::parse(username).expect("a name");
    let found = app.store.credentials(&login).await.expect("an answer");
    let hash = found.expect("the user").password_hash;
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
    let hasher = Hasher::start("m=8,t=1,p=1".parse().expect("a cost"), 1);
    let answer = hasher.verify(password.to_owned(), Some(hash)).await;
    answer.expect("a hash of ours")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_created_with_a_password_from_standard_input() {
    for database in TestDatabase::both() {
        let terminal = terminal(&database);
        let created = "users create-operator Ana ana@example.org --json";
        let user = terminal.type_into(created, PASSWORD).json();
        assert_eq!(
            (&user["username"], &user["email"], &user["operator"]),
            (&json!("Ana"), &json!("ana@example.org"), &json!(true))
        );
        let shown = terminal.say("users show ANA@example.org --json").json();
        assert_eq!(shown, user);
        assert_eq!(
            terminal.say("users list --json").json(),
            json!({"users": [user], "next_cursor": null})
        );
        let table = terminal.say("users list").done();
        let head = "ID  USERNAME  E-MAIL           LOCALE  ROLE      CREATED\n";
        assert!(table.starts_with(head), "{table}");
        assert!(opens(&database, "ana", "correct horse battery").await);
    }
}

#[test]
fn a_taken_name_is_refused_before_a_password_is_asked_for() {
    for database in TestDatabase::both() {
        let terminal = terminal(&database);
        let say = |line: &str| terminal.type_into(line, PASSWORD);
        say("users create-operator ana ana@example.org").done();
        let refused = terminal
            .say("users create-operator ANA x@example.org")
            .refused(1);
        assert!(
            refused.starts_with("the username is taken by the account ana"),
            "{refused}"
        );
        let refused = terminal
            .say("users create-operator bia Ana@Example.org")
            .refused(1);
        assert!(
            refused.starts_with("the e-mail address is taken"),
            "{refused}"
        );
        assert_eq!(terminal.say("users list").done().lines().count(), 2);
    }
}

#[test]
fn what_no_visitor_could_choose_no_operator_can() {
    let database = TestDatabase::sqlite();
    let terminal = terminal(&database);
    let refused = terminal.say("users create-operator a b").refused(2);
    assert!(refused.contains("at least 3 characters"), "{refused}");
    assert!(refused.contains("lacks its “@”"), "{refused}");
    let create = "users create-operator ana ana@example.org";
    for (password, why) in [
        ("short\n", "at least 8 characters"),
        ("password1\n", "common"),
        ("ana@example.org\n", "cannot contain"),
        ("\n", "Create a password"),
        ("", "first line of standard input"),
    ] {
        let refused = terminal.type_into(create, password).refused(1);
        assert!(refused.contains(why), "{password:?}: {refused}");
    }
    assert_eq!(terminal.say("users list").done(), "no users\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_replaced() {
    let database = TestDatabase::sqlite();
    let terminal = terminal(&database);
    let create = "users create-operator ana ana@example.org";
    terminal.type_into(create, PASSWORD).done();
    let said = terminal.type_into("users set-password ana", "another fine staple\n");
    assert_eq!(
        said.done(),
        "ana has another password, and is logged out everywhere\n"
    );
    assert!(opens(&database, "ana", "another fine staple").await);
    let said = terminal.type_into("users set-password bia", PASSWORD);
    assert!(said.refused(1).starts_with("there is no user `bia`"));
}

#[test]
fn a_user_is_deleted_only_by_saying_yes() {
    for database in TestDatabase::both() {
        let terminal = terminal(&database);
        let create = "users create-operator ana ana@example.org";
        terminal.type_into(create, PASSWORD).done();
        let refused = terminal.say("users delete ana").refused(2);
        assert!(refused.contains("--yes"), "{refused}");
        terminal.say("users show ana").done();
        assert_eq!(
            terminal.say("users delete ana --yes").done(),
            "ana is deleted\n"
        );
        assert!(
            terminal
                .say("users show ana")
                .refused(1)
                .contains("no user `ana`")
        );
        assert!(
            terminal
                .say("users delete ana --yes")
                .refused(1)
                .contains("no user")
        );
    }
}

#[test]
fn users_come_in_pages() {
    let database = TestDatabase::sqlite();
    let terminal = terminal(&database);
    for name in ["ana", "bia", "caio"] {
        let create = format!("users create-operator {name} {name}@example.org");
        terminal.type_into(&create, PASSWORD).done();
    }
    let page = terminal.say("users list --limit 2 --json").json();
    assert_eq!(
        (&page["users"][0]["username"], &page["next_cursor"]),
        (&json!("caio"), &json!("2"))
    );
    let rest = terminal.say("users list --cursor 2 --json").json();
    assert_eq!(
        (&rest["users"][0]["username"], &rest["next_cursor"]),
        (&json!("ana"), &Value::Null)
    );
}

/// Plays a person at a terminal: `script` makes one, the shell tells its name.
#[test]
fn at_a_terminal_the_password_is_asked_for_twice_and_never_shown() {
    let database = TestDatabase::sqlite();
    let terminal = terminal(&database);
    let line = format!(
        "tty; exec {} users create-operator ana ana@example.org",
        env!("CARGO_BIN_EXE_cadastro")
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.current_dir(terminal.folder());
    script.envs(
        terminal
            .environment
            .iter()
            .map(|(name, value)| (name, value)),
    );
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().expect("script, of Debian's bsdutils");
    let mut keys = child.stdin.take().expect("it is piped");
    let mut screen = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut tty = String::new();
    screen.read_line(&mut tty).expect("the terminal's name");

    let mut seen = String::new();
    for prompt in ["Password: ", "Once more: "] {
        while !seen.ends_with(prompt) {
            let mut byte = [0];
            screen.read_exact(&mut byte).expect("the next prompt");
            seen.push(byte[0].into());
        }
        // The prompt comes first; a person is slower than what follows it.
        assert!(
            (0..1000).any(|_| echo_is_off(tty.trim())),
            "{prompt} shows what is typed"
        );
        keys.write_all(PASSWORD.as_bytes()).expect("they are read");
    }
    screen.read_to_string(&mut seen).expect("the rest");
    assert!(child.wait().expect("the end").success(), "{seen}");
    assert!(seen.contains("ana is an operator"), "{seen}");
    assert!(!seen.contains("horse"), "{seen}");
}

fn echo_is_off(tty: &str) -> bool {
    let stty = Command::new("stty").args(["-F", tty, "-a"]).output();
    let modes = stty.expect("stty, of Debian's coreutils").stdout;
    let modes = String::from_utf8_lossy(&modes);
    modes.split_whitespace().any(|mode| mode == "-echo")
}
