//! The welcome letter: its headers, its words, its moment.

use std::time::Duration;

use cadastro::{queue::State, text::Locale};
use mail_parser::{MimeHeaders, PartType};
use reqwest::StatusCode;

use super::{DELAY, Post, assert_reads, html, sign_up, submit, text};
use crate::support::{app::TestAppBuilder, smtp::SmtpServer};

/// As an operator would set it up.
fn in_production(app: TestAppBuilder) -> TestAppBuilder {
    app.set("MAIL_FROM", "Cadastro São João <no-reply@cadastro.example>")
        .set("CADASTRO_BASE_URL", "https://cadastro.example")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_welcome_letter_speaks_the_visitors_language_in_both_parts() {
    let post = Post::at(SmtpServer::start().await, in_production).await;
    let visitors = [
        (
            Locale::PtBr,
            "João.Inácio",
            "joao@example.com",
            "E-mail de boas-vindas!",
        ),
        (
            Locale::En,
            "maria",
            "maria@example.com",
            "Welcome to Cadastro!",
        ),
    ];
    for (n, (locale, username, email, subject)) in visitors.into_iter().enumerate() {
        let receipt = sign_up(&post.app.url, username, email, locale).await;
        post.app.advance(DELAY);
        post.all_done(&receipt).await;
        let letter = post.server.letter(n + 1).await;
        assert_eq!(letter.to, [email]);
        assert_eq!(letter.read().subject(), Some(subject));
        assert_reads(&letter, "welcome_email", locale);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_say_who_what_when_and_from_which_job() {
    let post = Post::at(SmtpServer::start().await, in_production).await;
    let receipt = post.sign_up("maria").await;
    post.app.advance(DELAY);
    let job = post.letter_is(&receipt, State::Completed).await;

    let letter = post.server.letter(1).await;
    assert_eq!(letter.from, "no-reply@cadastro.example");
    let read = letter.read();
    let header = |name| read.header_raw(name).map(str::trim);
    let from = read.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!(from.name(), Some("Cadastro São João"));
    assert_eq!(from.address(), Some("no-reply@cadastro.example"));
    assert_eq!(header("To"), Some("maria@example.com"));
    assert_eq!(header("Date"), Some("Sun, 22 Nov 2026 12:00:10 +0000"));
    let created_at = job.created_at.as_microsecond();
    let message_id = format!("<job-{}.{created_at}@cadastro.example>", job.id);
    assert_eq!(header("Message-ID"), Some(message_id.as_str()));
    assert_eq!(header("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(header("MIME-Version"), Some("1.0"));

    let kind = read.content_type().expect("a content type");
    assert_eq!(
        (kind.ctype(), kind.subtype()),
        ("multipart", Some("alternative"))
    );
    // What a mail program likes best stands last (RFC 2046, 5.1.4).
    let parts: Vec<_> = read.parts.iter().skip(1).collect();
    assert!(matches!(parts[0].body, PartType::Text(_)), "{parts:?}");
    assert!(matches!(parts[1].body, PartType::Html(_)), "{parts:?}");
    for part in parts {
        let kind = part.content_type().expect("a content type");
        assert_eq!(kind.attribute("charset"), Some("utf-8"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_every_script_and_domains_with_accents_arrive_whole() {
    let post = Post::start().await;
    let visitors = [
        ("João_Antônio", "joao@example.com", "joao@example.com"),
        (
            "Ñandú",
            "nandu@coração.example",
            "nandu@xn--corao-dra1a.example",
        ),
        (
            "мария_2",
            "maria@пример.example",
            "maria@xn--e1afmkfd.example",
        ),
        (
            "山田太郎",
            "taro@例え.テスト",
            "taro@xn--r8jz45g.xn--zckzah",
        ),
        ("สมชาย", "somchai@example.co", "somchai@example.co"),
    ];
    for (n, (username, email, recipient)) in visitors.into_iter().enumerate() {
        let receipt = sign_up(&post.app.url, username, email, Locale::PtBr).await;
        post.app.advance(DELAY);
        post.all_done(&receipt).await;
        let letter = post.server.letter(n + 1).await;
        assert_eq!(letter.to, [recipient]);
        assert_eq!(
            letter.read().header_raw("To").map(str::trim),
            Some(recipient)
        );
        let greeting = format!("Olá {username}, seja bem-vindo ao nosso site.");
        assert!(text(&letter).contains(&greeting), "{}", text(&letter));
        assert!(html(&letter).contains(&greeting), "{}", html(&letter));
        assert_travels(&letter.bytes);
    }
}

/// The oldest mail server on the way can carry it: ASCII, in lines that end as they should and are not too long (RFC 5322).
fn assert_travels(bytes: &[u8]) {
    let source = str::from_utf8(bytes).expect("ASCII");
    assert!(source.is_ascii(), "{source}");
    for line in source
        .strip_suffix("\r\n")
        .expect("a last line")
        .split("\r\n")
    {
        assert!(
            !line.contains(['\r', '\n']) && line.len() <= 998,
            "{line:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_letter_leaves_when_the_delay_is_over_and_not_before() {
    let server = SmtpServer::start().await;
    let post = Post::at(server, |app| app.set("CADASTRO_WELCOME_DELAY", "45s")).await;
    let receipt = post.sign_up("maria").await;
    post.app.advance(Duration::from_millis(44_999));
    // The Scheduler has seen this moment: what was due in it is done.
    for task in ["simple_task", "parameter_task"] {
        post.app.job_reaches(&receipt, task, State::Completed).await;
    }
    let waiting = post.letter_is(&receipt, State::Scheduled).await;
    assert_eq!(waiting.attempt, 0);
    assert_eq!(post.server.seen().connections, 0);

    post.app.advance(Duration::from_millis(1));
    post.server.letter(1).await;
    let sent = post.letter_is(&receipt, State::Completed).await;
    assert_eq!((sent.attempt, sent.started_at), (1, Some(waiting.run_at)));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_that_could_forge_a_letter_get_no_further_than_the_form() {
    let post = Post::start().await;
    for (username, email) in [
        ("<b>maria</b>", "maria@example.com"),
        ("maria&amp;co", "maria@example.com"),
        ("{{username}}", "maria@example.com"),
        ("maria\r\nBcc: all", "maria@example.com"),
        ("maria", "maria@example.com\r\nBcc: all@example.com"),
        ("maria", "Maria <maria@example.com>"),
        ("maria", "maria@example.com, all@example.com"),
    ] {
        let answer = submit(&post.app.url, username, email, Locale::En).await;
        assert_eq!(
            answer.status(),
            StatusCode::UNPROCESSABLE_ENTITY,
            "{username:?} {email:?}"
        );
    }
    let receipt = post.sign_up("ana").await;
    post.app.advance(DELAY);
    post.all_done(&receipt).await;
    let letters = post.server.seen().letters;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to, ["ana@example.com"]);
}
