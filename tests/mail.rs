//! Letters leave, and every way in which a mail server can fail is told from the others.

mod delivery;
mod faults;
mod privacy;
mod replies;
mod silence;

use cadastro::mail::{Draft, MailError, Mailer, Message, SmtpSettings, message_id};
use jiff::Timestamp;

use crate::support::smtp::{Do, SmtpServer, Step};

fn mailer_at(url: &str) -> Mailer {
    let server = SmtpSettings::parse(url).expect("an SMTP_URL");
    let sender = "Cadastro São João <no-reply@localhost>"
        .parse()
        .expect("a sender");
    Mailer::new(Some(server), sender)
}

fn mailer(server: &SmtpServer) -> Mailer {
    mailer_at(&server.url())
}

fn draft(job: i64) -> Draft {
    let created_at = Timestamp::from_microsecond(1_763_886_000_000_000).expect("an instant");
    Draft {
        to: "ana@example.org".into(),
        subject: "Bem-vinda, Ana: a conta está pronta".into(),
        text: "Olá, Ana!\n\n.\n.com um ponto à frente\n".into(),
        html: "<!doctype html><html lang=\"pt-BR\"><p>Olá, Ana!</p></html>".into(),
        message_id: message_id(job, created_at, "localhost"),
        date: created_at,
    }
}

fn letter(mailer: &Mailer, job: i64) -> Message {
    mailer.write(draft(job)).expect("a letter")
}

/// One attempt, as an EmailActor that has no connection yet makes it.
async fn attempt(mailer: &Mailer) -> Result<String, MailError> {
    let mut connection = mailer.connection().expect("a mailer with a server");
    let accepted = connection.send(&letter(mailer, 1)).await?;
    Ok(accepted.reply)
}

#[tokio::test]
async fn a_letter_arrives_whole() {
    let server = SmtpServer::start().await;
    let reply = attempt(&mailer(&server)).await.expect("accepted");
    assert_eq!(reply, "250 2.0.0 Taken over");

    let letter = server.letter(1).await;
    assert_eq!(letter.from, "no-reply@localhost");
    assert_eq!(letter.to, ["ana@example.org"]);
    let read = letter.read();
    assert_eq!(read.subject(), Some("Bem-vinda, Ana: a conta está pronta"));
    assert_eq!(read.message_id(), Some("job-1.1763886000000000@localhost"));
    assert_eq!(
        read.header_raw("Auto-Submitted").map(str::trim),
        Some("auto-generated")
    );
    assert_eq!(
        read.header_raw("Date").map(str::trim),
        Some("Sun, 23 Nov 2025 08:20:00 +0000")
    );
    let from = read.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!(from.name(), Some("Cadastro São João"));
    let content_type = read.header_raw("Content-Type").expect("a content type");
    assert!(
        content_type.trim().starts_with("multipart/alternative"),
        "{content_type}"
    );
    let text = read.body_text(0).expect("a text part");
    assert_eq!(text, "Olá, Ana!\r\n\r\n.\r\n.com um ponto à frente\r\n");
    let html = read.body_html(0).expect("an HTML part");
    assert!(html.contains("<p>Olá, Ana!</p>"), "{html}");
}

#[tokio::test]
async fn a_domain_with_accents_reaches_the_server_as_punycode() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    let to = "ana@mãe.example".into();
    let letter = mailer.write(Draft { to, ..draft(1) }).expect("a letter");
    let mut connection = mailer.connect().await.expect("a connection");
    connection.send(&letter).await.expect("accepted");
    assert_eq!(server.letter(1).await.to, ["ana@xn--me-sia.example"]);
}

#[tokio::test]
async fn a_server_that_cannot_take_the_address_is_not_given_it() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    let to = "josé@example.org".into();
    let letter = mailer.write(Draft { to, ..draft(1) }).expect("a letter");
    let mut connection = mailer.connect().await.expect("a connection");
    let error = connection.send(&letter).await.expect_err("no SMTPUTF8");
    assert!(
        matches!(error, MailError::Invalid(_)) && error.is_permanent(),
        "{error}"
    );
    assert!(!server.seen().steps.contains(&Step::Mail));
}

#[tokio::test]
async fn the_path_of_the_url_is_the_name_of_the_greeting() {
    let server = SmtpServer::start().await;
    attempt(&mailer_at(&format!(
        "{}/cadastro.example.org",
        server.url()
    )))
    .await
    .expect("accepted");
    assert_eq!(server.seen().hello, "cadastro.example.org");
}

#[tokio::test]
async fn letters_share_one_connection_also_after_a_refusal() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    let mut connection = mailer.connect().await.expect("a connection");
    connection
        .send(&letter(&mailer, 1))
        .await
        .expect("accepted");
    server.once(Step::Rcpt, Do::Reply("550 5.1.1 No such user"));
    connection
        .send(&letter(&mailer, 2))
        .await
        .expect_err("refused");
    connection
        .send(&letter(&mailer, 3))
        .await
        .expect("accepted");
    let letters = server.letters(2).await;
    assert_eq!(
        letters[1].read().message_id(),
        Some("job-3.1763886000000000@localhost")
    );
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn connections_work_side_by_side() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    for job in 1..=8 {
        let mailer = mailer.clone();
        tokio::spawn(async move {
            let mut connection = mailer.connection().expect("a mailer with a server");
            connection
                .send(&letter(&mailer, job))
                .await
                .expect("accepted");
        });
    }
    let mut brought_by: Vec<_> = server
        .letters(8)
        .await
        .iter()
        .map(|l| l.connection)
        .collect();
    brought_by.sort_unstable();
    assert_eq!(brought_by, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn without_a_server_letters_are_only_written() {
    let mailer = Mailer::new(
        None,
        "Cadastro <no-reply@localhost>".parse().expect("a sender"),
    );
    assert!(mailer.connection().is_none());
    assert!(matches!(
        mailer.prove().await,
        Err(MailError::Misconfigured(_))
    ));
    assert!(
        letter(&mailer, 1)
            .formatted()
            .starts_with(b"From: Cadastro <no-reply@localhost>\r\n")
    );
}
