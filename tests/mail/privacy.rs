//! Encryption, certificates and log-in.

use cadastro::mail::{MailError, Mailer};

use super::{attempt, mailer, mailer_at};
use crate::support::{
    certificate::Certificate,
    smtp::{Do, SmtpServer, Step},
};

fn trusting_mailer(server: &SmtpServer) -> Mailer {
    mailer(server).trusting(&server.certificate_file())
}

#[tokio::test]
async fn starttls_hides_everything_that_matters() {
    let server = SmtpServer::builder()
        .starttls()
        .log_in("ana", "segredo", "PLAIN")
        .start()
        .await;
    attempt(&trusting_mailer(&server)).await.expect("accepted");
    let letter = server.letter(1).await;
    assert!(letter.encrypted);
    assert_eq!(letter.user.as_deref(), Some("ana"));
}

#[tokio::test]
async fn tls_from_the_first_byte_works_too() {
    let server = SmtpServer::builder()
        .implicit_tls()
        .log_in("ana", "segredo", "PLAIN")
        .start()
        .await;
    attempt(&trusting_mailer(&server)).await.expect("accepted");
    assert!(server.letter(1).await.encrypted);
}

#[tokio::test]
async fn without_starttls_nothing_is_said_where_it_is_required() {
    let server = SmtpServer::builder()
        .log_in("ana", "segredo", "PLAIN")
        .start()
        .await;
    let error = attempt(&mailer_at(&format!("{}?tls=required", server.url()))).await;
    let error = error.expect_err("no STARTTLS");
    assert!(
        matches!(&error, MailError::Misconfigured(why) if why.contains("STARTTLS")),
        "{error:?}"
    );
    assert_eq!(server.seen().steps, [Step::Greeting, Step::Ehlo]);
}

#[tokio::test]
async fn starttls_is_taken_where_it_is_only_wished_for() {
    let clear = SmtpServer::start().await;
    attempt(&mailer_at(&format!("{}?tls=opportunistic", clear.url())))
        .await
        .expect("accepted");
    assert!(!clear.letter(1).await.encrypted);

    let private = SmtpServer::builder().starttls().start().await;
    let url = private.url().replace("required", "opportunistic");
    let mailer = mailer_at(&url).trusting(&private.certificate_file());
    attempt(&mailer).await.expect("accepted");
    assert!(private.letter(1).await.encrypted);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_needs_an_operator() {
    let unknown = SmtpServer::builder().starttls().start().await;
    let stranger = Certificate::for_localhost();
    let mailer_of_others = mailer(&unknown).trusting(&stranger.file());
    let error = attempt(&mailer_of_others).await.expect_err("not trusted");
    assert!(
        matches!(&error, MailError::Misconfigured(why) if why.contains("certificate")),
        "{error:?}"
    );

    let elsewhere = Certificate::for_names(&["mail.example.org"]);
    let misnamed = SmtpServer::builder().certificate(elsewhere).start().await;
    let error = attempt(&trusting_mailer(&misnamed))
        .await
        .expect_err("another name");
    assert!(
        matches!(&error, MailError::Misconfigured(why) if why.contains("certificate")),
        "{error:?}"
    );

    let of_this_machine = attempt(&mailer(&unknown)).await.expect_err("not trusted");
    assert!(
        matches!(of_this_machine, MailError::Misconfigured(_)),
        "{of_this_machine:?}"
    );
}

#[tokio::test]
async fn a_handshake_with_a_server_that_knows_no_tls_needs_an_operator() {
    let server = SmtpServer::start().await;
    let error = attempt(&mailer_at(&server.url().replace("smtp:", "smtps:"))).await;
    let error = error.expect_err("no TLS there");
    assert!(matches!(error, MailError::Misconfigured(_)), "{error:?}");
}

#[tokio::test]
async fn a_handshake_that_fails_needs_an_operator_and_one_that_breaks_off_is_tried_again() {
    let server = SmtpServer::builder().starttls().start().await;
    let mailer = trusting_mailer(&server);
    // A record that is no TLS, and the alert 40: no common ground.
    let failures: [&[u8]; 2] = [b"250 2.0.0 Ready\r\n", b"\x15\x03\x03\x00\x02\x02\x28"];
    for failure in failures {
        server.once(Step::Handshake, Do::Send(failure));
        let error = attempt(&mailer).await.expect_err("no TLS");
        assert!(
            matches!(&error, MailError::Misconfigured(why) if why.contains("no TLS with it")),
            "{error:?}"
        );
    }
    server.once(Step::Handshake, Do::Close);
    let error = attempt(&mailer).await.expect_err("hung up");
    assert!(matches!(error, MailError::Unreachable { .. }), "{error:?}");
    assert!(server.seen().letters.is_empty());
    attempt(&mailer).await.expect("accepted");
}

#[tokio::test]
async fn what_somebody_wrote_into_the_line_before_the_handshake_is_not_believed() {
    let server = SmtpServer::builder().starttls().start().await;
    server.once(Step::StartTls, Do::Reply("220 go ahead\r\n250 injected"));
    let error = attempt(&trusting_mailer(&server))
        .await
        .expect_err("not believed");
    assert!(matches!(error, MailError::Misconfigured(_)), "{error:?}");
    assert!(server.seen().letters.is_empty());
}

#[tokio::test]
async fn both_ways_to_log_in_are_known() {
    for mechanisms in ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"] {
        let server = SmtpServer::builder()
            .log_in("ana", "segredo", mechanisms)
            .start()
            .await;
        attempt(&mailer(&server)).await.expect(mechanisms);
        assert_eq!(server.letter(1).await.user.as_deref(), Some("ana"));
    }
}

#[tokio::test]
async fn a_refused_log_in_needs_an_operator_and_never_shows_the_password() {
    let server = SmtpServer::builder()
        .log_in("ana", "segredo", "PLAIN")
        .start()
        .await;
    let wrong = mailer_at(&server.url().replace("segredo", "hunter2"));
    let error = attempt(&wrong).await.expect_err("refused");
    assert!(
        matches!(&error, MailError::Misconfigured(why) if why.contains("535")),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?} {wrong:?}").contains("hunter2"));

    let other = SmtpServer::builder()
        .log_in("ana", "segredo", "CRAM-MD5")
        .start()
        .await;
    let error = attempt(&mailer(&other))
        .await
        .expect_err("no way to log in");
    assert!(matches!(error, MailError::Misconfigured(_)), "{error:?}");
}

#[tokio::test]
async fn the_settings_can_be_proved_without_a_letter() {
    let server = SmtpServer::builder()
        .starttls()
        .log_in("ana", "segredo", "LOGIN")
        .start()
        .await;
    trusting_mailer(&server)
        .prove()
        .await
        .expect("good settings");
    let steps = [
        Step::Greeting,
        Step::Ehlo,
        Step::StartTls,
        Step::Handshake,
        Step::Ehlo,
        Step::Auth,
        Step::Quit,
    ];
    assert_eq!(server.seen().steps, steps);
}
