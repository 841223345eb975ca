//! The same with a real mail server.

use cadastro::mail::{Draft, MailError};

use super::{draft, mailer_at};
use crate::support::mail_server::{self, MailServer};

#[tokio::test]
async fn a_real_mail_server_delivers_the_letter() {
    let mut server = MailServer::start();
    let mailer = mailer_at(&server.url()).trusting(&server.certificate_file());
    let mut connection = mailer.connect().await.expect("STARTTLS and a log-in");
    for (job, to) in [(1, "ana@example.org"), (2, "josé@mãe.example")] {
        let letter = mailer
            .write(Draft {
                to: to.into(),
                ..draft(job)
            })
            .expect("a letter");
        connection.send(&letter).await.expect("accepted");
        let delivered = server.delivered().await;
        let read = mail_parser::MessageParser::default()
            .parse(&delivered)
            .expect("readable");
        assert_eq!(
            read.message_id(),
            Some(letter.message_id().trim_matches(['<', '>']))
        );
        assert_eq!(read.subject(), Some(letter.subject()));
        let arrived = |part: Option<std::borrow::Cow<'_, str>>| {
            part.expect("both parts")
                .replace("\r\n", "\n")
                .trim_end()
                .to_owned()
        };
        assert_eq!(arrived(read.body_text(0)), letter.text().trim_end());
        assert_eq!(arrived(read.body_html(0)), letter.html());
        let from = read.from().and_then(|from| from.first()).expect("a sender");
        assert_eq!(from.name(), Some("Cadastro São João"));
    }
}

#[tokio::test]
async fn a_real_mail_server_refuses_as_the_scripted_one_does() {
    let server = MailServer::start();
    let trusting = |url: &str| mailer_at(url).trusting(&server.certificate_file());

    let mailer = trusting(&server.url());
    let to = format!("{}@example.org", mail_server::UNKNOWN);
    let letter = mailer.write(Draft { to, ..draft(1) }).expect("a letter");
    let mut connection = mailer.connect().await.expect("STARTTLS and a log-in");
    let error = connection
        .send(&letter)
        .await
        .expect_err("nobody of that name");
    assert!(
        matches!(error, MailError::Permanent { code: 550, .. }),
        "{error:?}"
    );

    let wrong = trusting(&server.url_with(mail_server::USER, "wrong"));
    let error = wrong.prove().await.expect_err("a wrong password");
    assert!(
        matches!(&error, MailError::Misconfigured(why) if why.contains("535")),
        "{error:?}"
    );

    let error = mailer_at(&server.url())
        .prove()
        .await
        .expect_err("an unknown certificate");
    assert!(matches!(error, MailError::Misconfigured(_)), "{error:?}");
}
