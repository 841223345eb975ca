//! `cadastro serve`: what it prints, and how it ends.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use tokio_postgres::NoTls;

use super::{Said, Terminal};
use crate::support::{database::TestDatabase, program::Program};

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_where_it_serves_migrates_by_itself_and_ends_well() {
    for database in TestDatabase::both_bare() {
        let server = Program::start(&database, &[]);
        let page = reqwest::get(format!("{}/signup", server.url)).await;
        assert!(page.expect("the page").status().is_success());
        let terminal = Terminal::new().with("DATABASE_URL", database.url());
        assert_eq!(terminal.say("jobs list").done(), "no jobs\n");
        assert_eq!(server.terminate().code(), Some(0), "{database}");
    }
}

#[test]
fn a_second_server_on_one_file_is_refused_while_the_command_line_is_not() {
    let database = TestDatabase::sqlite();
    let server = Program::start(&database, &[]);
    let terminal = Terminal::new().with("DATABASE_URL", database.url());
    let refused = terminal.say("serve --listen 127.0.0.1:0").refused(1);
    assert!(refused.contains("already serves"), "{refused}");
    terminal.say("jobs enqueue simple_task").done();
    terminal.say("check").done();
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_told_in_one_line() {
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database).with("RUST_LOG", "warn");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its number").to_string();
    let refused = terminal
        .say(&format!("serve --listen {address}"))
        .refused(1);
    assert!(refused.contains(&address), "{refused}");
    assert!(refused.contains("--listen"), "{refused}");
}

#[tokio::test]
async fn whoever_waits_for_another_to_migrate_says_so() {
    let database = TestDatabase::postgres_bare();
    let terminal = Terminal::new().with("DATABASE_URL", database.url());
    let connected = tokio_postgres::connect(database.url(), NoTls).await;
    let (other, connection) = connected.expect("it answers");
    tokio::spawn(connection);
    let lock = "SELECT pg_advisory_lock(x'63616461737472'::bigint * 256 + x'6f'::bigint)";
    other.batch_execute(lock).await.expect("the lock");

    let mut command = terminal.command("migrate");
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut migrating = command.spawn().expect("the program starts");
    let mut log = BufReader::new(migrating.stderr.take().expect("it is piped"));
    let read = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        log.read_line(&mut line).expect("text");
        (line, log)
    });
    let (line, mut log) = read.await.expect("it waits, and says so");
    assert!(line.contains("another instance migrates"), "{line}");
    drop(other);
    let ended = tokio::task::spawn_blocking(move || {
        let said = Said::from(migrating.wait_with_output().expect("the program ends"));
        let mut rest = String::new();
        log.read_to_string(&mut rest).expect("text");
        (said, rest)
    });
    let (said, rest) = ended.await.expect("it goes on");
    assert!(said.done().contains("_create_jobs\n"));
    assert_eq!(rest, "", "it says so once");
}

/// Serves until it is ready, and says what it logged.
fn served(terminal: &Terminal, line: &str) -> String {
    let mut command = terminal.command(line);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = command.spawn().expect("the program starts");
    let mut out = BufReader::new(server.stdout.take().expect("it is piped"));
    let mut ready = String::new();
    out.read_line(&mut ready).expect("text");
    assert!(ready.starts_with("cadastro is ready"), "{ready}");
    let pid = server.id().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(told.expect("kill runs").success());
    let said = Said::from(server.wait_with_output().expect("the program ends"));
    assert_eq!(said.code, Some(0), "{said:?}");
    said.err
}

#[test]
fn a_proxy_that_nobody_named_is_warned_of_at_the_start() {
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database).with("RUST_LOG", "warn");
    let line = "serve --listen 127.0.0.1:0 --base-url https://example.org";
    let logged = served(&terminal, line);
    assert!(logged.contains("--trusted-proxies"), "{logged}");
    let logged = served(&terminal, &format!("{line} --trusted-proxies 127.0.0.1"));
    assert_eq!(logged, "");
}
