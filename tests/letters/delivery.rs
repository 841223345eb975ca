//! The same with the program itself and a real mail server.

use cadastro::text::Locale;
use mail_parser::MessageParser;

use super::sign_up;
use crate::support::{database::TestDatabase, mail_server::MailServer, program::Program};

#[tokio::test(flavor = "multi_thread")]
async fn the_welcome_letter_reaches_the_inbox_of_a_real_mail_server() {
    let mut inbox = MailServer::start();
    let (database, smtp_url) = (TestDatabase::sqlite(), inbox.url());
    let certificate = inbox.certificate_file();
    // By the machine's clock: the waits are cut short, and nothing else is.
    let settings = [
        ("SMTP_URL", smtp_url.as_str()),
        ("SSL_CERT_FILE", certificate.to_str().expect("a path")),
        ("MAIL_FROM", "Cadastro São João <no-reply@cadastro.example>"),
        ("CADASTRO_BASE_URL", "https://cadastro.example"),
        ("CADASTRO_WELCOME_DELAY", "50ms"),
        ("CADASTRO_SIMPLE_TASK", "10ms"),
        ("CADASTRO_PARAMETER_TASK", "20ms"),
    ];
    let program = Program::start(&database, &settings);
    let receipt = sign_up(
        &program.url,
        "João.Inácio",
        "joao@coração.example",
        Locale::PtBr,
    )
    .await;

    let delivered = inbox.delivered().await;
    let letter = MessageParser::default()
        .parse(&delivered)
        .expect("a letter");
    assert_eq!(letter.subject(), Some("E-mail de boas-vindas!"));
    let to = letter.to().and_then(|to| to.first()).expect("a recipient");
    assert_eq!(to.address(), Some("joao@xn--corao-dra1a.example"));
    let from = letter
        .from()
        .and_then(|from| from.first())
        .expect("a sender");
    assert_eq!(from.name(), Some("Cadastro São João"));
    let message_id = letter.message_id().expect("a Message-ID");
    assert!(
        message_id.starts_with("job-") && message_id.ends_with("@cadastro.example"),
        "{message_id}"
    );
    for part in [letter.body_text(0), letter.body_html(0)] {
        let part = part.expect("both parts");
        assert!(
            part.contains("Olá João.Inácio, seja bem-vindo ao nosso site."),
            "{part}"
        );
        assert!(part.contains("https://cadastro.example/login"), "{part}");
    }

    // The receipt says so: its news end once all is done.
    let news = reqwest::get(format!("{}/signup/{receipt}/events", program.url)).await;
    let news = news.expect("an answer").text().await.expect("all of it");
    let last = news.rsplit("event: jobs").next().unwrap_or_default();
    assert_eq!(
        last.matches("data-state=\"completed\"").count(),
        3,
        "{news}"
    );
}
