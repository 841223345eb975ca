//! `cadastro check`.

use super::{Said, Terminal};
use crate::support::{
    database::TestDatabase,
    smtp::{Do, SmtpServer, Step},
};

/// Runs beside the mail server, which lives in this process.
async fn say(terminal: Terminal, line: &'static str) -> Said {
    let said = tokio::task::spawn_blocking(move || terminal.say(line)).await;
    said.expect("the command ends")
}

fn failed(said: Said) -> Vec<String> {
    let lines = said.out.lines();
    let failed: Vec<_> = lines
        .inspect(|line| {
            assert!(
                ["ok ", "WARN ", "FAILED "]
                    .iter()
                    .any(|word| line.starts_with(word)),
                "{line}"
            )
        })
        .filter(|line| line.starts_with("FAILED "))
        .map(str::to_owned)
        .collect();
    match failed.is_empty() {
        true => drop(said.done()),
        false => assert!(said.refused(1).contains("checks failed")),
    }
    failed
}

#[test]
fn what_is_all_right_is_said_line_by_line() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        let said = terminal.say("check").done();
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), 6, "{said}");
        assert!(
            lines.iter().all(|line| line.starts_with("ok      ")),
            "{said}"
        );
        let database = database.url().replace("postgres@", "***@");
        assert!(lines[1].ends_with(&format!("{database} answers")), "{said}");
    }
}

#[test]
fn a_database_that_is_missing_or_not_migrated_fails() {
    let terminal = Terminal::new();
    let failed_without = failed(terminal.say("check"));
    assert!(
        failed_without[0].contains("there is no cadastro.db"),
        "{failed_without:?}"
    );
    assert_eq!(failed_without.len(), 2);
    let left = std::fs::read_dir(terminal.folder()).expect("the folder");
    assert_eq!(left.count(), 0);

    let database = TestDatabase::postgres_bare();
    let terminal = Terminal::new().with("DATABASE_URL", database.url());
    let failed_empty = failed(terminal.say("check"));
    assert_eq!(failed_empty.len(), 1, "{failed_empty:?}");
    assert!(failed_empty[0].contains("_create_jobs"), "{failed_empty:?}");
}

#[test]
fn an_address_that_no_reader_of_a_letter_could_follow_fails() {
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database);
    let told = failed(terminal.say("check --listen 0.0.0.0:80"));
    assert!(
        told[0].contains("http://0.0.0.0/, which leads nowhere"),
        "{told:?}"
    );
    let told = failed(terminal.say("check --base-url http://example.org"));
    assert!(told[0].contains("in the clear"), "{told:?}");
    assert_eq!(
        failed(terminal.say("check --base-url https://example.org")),
        [""; 0]
    );
}

#[test]
fn a_proxy_that_nobody_named_is_a_warning() {
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database);
    let proxies = |line: &str| -> String {
        let said = terminal.say(line).done();
        let line = said.lines().find(|line| line.contains("  proxies  "));
        line.expect("a line about proxies").to_owned()
    };
    let told = proxies("check --base-url https://example.org");
    assert!(told.starts_with("WARN  "), "{told}");
    assert!(told.ends_with("name the proxy with --trusted-proxies"));
    for line in [
        "check",
        "check --base-url https://example.org --trusted-proxies 127.0.0.1,10.0.0.0/8",
        "check --base-url https://example.org --rate-limit off",
    ] {
        assert!(proxies(line).starts_with("ok  "), "{line}");
    }
}

#[test]
fn a_database_that_takes_the_call_and_says_nothing_is_not_waited_for_without_end() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its number");
    let url = format!("postgres://ana@{address}/cadastro");
    let told = failed(Terminal::new().with("DATABASE_URL", &url).say("check"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("no answer within"), "{told:?}");
}

#[test]
fn a_password_that_others_could_read_fails_and_is_not_sent() {
    let database = TestDatabase::sqlite();
    // An address of documentation: whoever calls it gets no answer at all.
    for tls in ["", "?tls=opportunistic"] {
        let url = format!("smtp://ana:hunter2@192.0.2.1{tls}");
        let terminal = Terminal::at(&database).with("SMTP_URL", &url);
        let told = failed(terminal.say("check --send-mail-to ana@example.org"));
        assert_eq!(told.len(), 2, "{told:?}");
        for line in &told {
            assert!(line.contains("smtp://***@192.0.2.1"), "{line}");
            assert!(line.contains("in the clear, and was not sent"), "{line}");
        }
    }
}

#[tokio::test]
async fn a_password_may_travel_in_the_clear_within_this_machine() {
    let server = SmtpServer::builder().log_in("ana", "hunter2", "PLAIN");
    let server = server.start().await;
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database).with("SMTP_URL", &server.url());
    assert_eq!(failed(say(terminal, "check").await), [""; 0]);
}

#[tokio::test]
async fn the_mail_server_is_logged_in_to_and_takes_a_letter() {
    let log_in = SmtpServer::builder()
        .starttls()
        .log_in("ana", "hunter2", "PLAIN LOGIN");
    let server = log_in.start().await;
    let certificate = server.certificate_file();
    let database = TestDatabase::sqlite();
    let at = |url: &str| {
        Terminal::at(&database)
            .with("SMTP_URL", url)
            .with("SSL_CERT_FILE", &certificate.display().to_string())
    };
    let said = say(at(&server.url()), "check --send-mail-to maria@example.org").await;
    assert!(
        !(said.out.clone() + &said.err).contains("hunter2"),
        "{said:?}"
    );
    assert_eq!(failed(said), [""; 0]);
    let letter = server.letter(1).await;
    assert_eq!(letter.to, ["maria@example.org"]);
    assert_eq!(letter.read().subject(), Some("Um teste do Cadastro"));
    assert!(
        letter
            .read()
            .body_html(0)
            .is_some_and(|html| html.contains("<!DOCTYPE html>"))
    );

    let wrong = server.url().replace("hunter2", "hunter3");
    let told = failed(say(at(&wrong), "check").await);
    assert!(
        told.iter()
            .any(|line| line.contains("mail server") && line.contains("535")),
        "{told:?}"
    );
    assert!(!told.concat().contains("hunter3"), "{told:?}");
}

#[tokio::test]
async fn a_letter_that_is_refused_says_by_whom_and_why() {
    let server = SmtpServer::start().await;
    server.when(Step::Rcpt, "nobody", Do::Reply("550 5.1.1 No such user"));
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database).with("SMTP_URL", &server.url());
    let told = failed(
        say(
            terminal,
            "check --locale en --send-mail-to nobody@example.org",
        )
        .await,
    );
    assert!(
        told.iter()
            .any(|line| line.contains("550") && line.contains("No such user")),
        "{told:?}"
    );

    let terminal = Terminal::at(&database);
    let told = failed(say(terminal, "check --send-mail-to ana@example.org").await);
    assert!(told.concat().contains("set --smtp-url"), "{told:?}");
}
