//! What a letter is made of, and what nobody can write into it.

use mail_parser::MessageParser;
use proptest::prelude::*;

use super::*;

fn draft() -> Draft {
    Draft {
        to: "Ana Lúcia <ana@example.org>".into(),
        subject: "Olá, Ana!".into(),
        text: "Que bom que você veio.\nAté já!\n".into(),
        html: "<p>Que bom que você veio.</p>".into(),
        message_id: message_id(7, date(), "example.org"),
        date: date(),
    }
}

fn date() -> Timestamp {
    "2025-11-23T08:20:00.000001Z".parse().expect("a date")
}

fn write(draft: Draft) -> Result<Message, MailError> {
    Message::new(
        &"José da Conceição, Cadastro <jose@example.org>"
            .parse()
            .expect("a sender"),
        draft,
    )
}

fn header_lines(letter: &Message) -> Vec<String> {
    let bytes = letter.formatted();
    let all = String::from_utf8(bytes).expect("letters are ASCII");
    let head = all.split("\r\n\r\n").next().expect("headers");
    head.replace("\r\n ", " ")
        .split("\r\n")
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_message_id_is_made_from_the_job() {
    assert_eq!(
        message_id(7, date(), "localhost"),
        "<job-7.1763886000000001@localhost>"
    );
}

#[test]
fn both_parts_and_every_accent_arrive() {
    let bytes = write(draft()).expect("a letter").formatted();
    assert!(bytes.is_ascii());
    let read = MessageParser::default().parse(&bytes).expect("readable");
    assert_eq!(read.subject(), Some("Olá, Ana!"));
    assert_eq!(
        read.body_text(0).as_deref(),
        Some("Que bom que você veio.\r\nAté já!\r\n")
    );
    assert_eq!(
        read.body_html(0).as_deref(),
        Some("<p>Que bom que você veio.</p>")
    );
    let from = read.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!(from.name(), Some("José da Conceição, Cadastro"));
    assert_eq!(from.address(), Some("jose@example.org"));
    let to = read.to().and_then(|to| to.first()).expect("a recipient");
    assert_eq!(to.name(), Some("Ana Lúcia"));
}

#[test]
fn the_headers_say_when_by_whom_and_that_no_person_wrote_it() {
    let lines = header_lines(&write(draft()).expect("a letter"));
    assert!(
        lines.contains(&"Date: Sun, 23 Nov 2025 08:20:00 +0000".into()),
        "{lines:?}"
    );
    assert!(lines.contains(&"Message-ID: <job-7.1763886000000001@example.org>".into()));
    assert!(lines.contains(&"Auto-Submitted: auto-generated".into()));
    assert!(lines.contains(&"MIME-Version: 1.0".into()));
}

#[test]
fn the_same_draft_gives_the_same_bytes() {
    let (one, two) = (write(draft()).expect("one"), write(draft()).expect("two"));
    assert_eq!(one.formatted(), two.formatted());
}

#[test]
fn a_domain_with_accents_travels_as_punycode() {
    let letter = write(Draft {
        to: "ana@mãe.example".into(),
        ..draft()
    })
    .expect("a letter");
    assert_eq!(letter.to(), "ana@xn--me-sia.example");
    assert!(!letter.needs_smtputf8());
}

#[test]
fn a_recipient_is_exactly_one_address() {
    for to in [
        "",
        "ana",
        "ana@",
        "@example.org",
        "ana@example.org, eva@example.org",
        "ana@example.org> <eva@example.org",
        "Ana <ana@example.org",
        "ana@example.org\r\nBcc: eva@example.org",
        "ana@example.org>\r\nRCPT TO:<eva@example.org",
    ] {
        let refused = write(Draft {
            to: to.into(),
            ..draft()
        })
        .expect_err(to);
        assert!(refused.is_permanent(), "{to}: {refused}");
    }
}

proptest! {
    #[test]
    fn nobody_can_write_a_header_of_their_own(
        name in "\\PC{0,10}|.{0,3}(\r|\n|\r\n)Bcc: eva@example.org.{0,3}",
        subject in "(?s).{0,40}|x(\r|\n|\r\n|\u{85}|\u{2028})Bcc: eva@example.org",
        text in "(?s).{0,40}",
    ) {
        let wanted = header_names(&write(draft()).expect("a letter"));
        let written = write(Draft {
            to: format!("{name} <ana@example.org>"),
            subject: subject.clone(),
            text,
            ..draft()
        });
        if let Ok(letter) = written {
            prop_assert_eq!(header_names(&letter), wanted);
            prop_assert_eq!(letter.to(), "ana@example.org");
            let bytes = letter.formatted();
            let read = MessageParser::default().parse(&bytes).expect("readable");
            let read = read.subject().unwrap_or_default().trim().to_owned();
            prop_assert_eq!(read, subject.trim());
        }
    }
}

fn header_names(letter: &Message) -> Vec<String> {
    let name = |line: &String| line.split(':').next().map(str::to_owned);
    header_lines(letter).iter().filter_map(name).collect()
}
