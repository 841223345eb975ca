//! A mail server that takes its time, or all the time there is.

use std::time::Duration;

use cadastro::mail::{MailError, Patience};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{attempt, mailer, mailer_at};
use crate::support::smtp::{Do, SmtpServer, Step};

/// For the tests of silence, and only for them: a busy machine may need longer for real work.
const IMPATIENT: Patience = Patience {
    step: Duration::from_millis(300),
    acceptance: Duration::from_millis(300),
    rest: Duration::from_secs(600),
};

const STEPS: [Step; 9] = [
    Step::Greeting,
    Step::Ehlo,
    Step::StartTls,
    Step::Handshake,
    Step::Auth,
    Step::Mail,
    Step::Rcpt,
    Step::Data,
    Step::Letter,
];

/// What comes of one attempt at a server that does this at a step, instead of what is right.
async fn attempt_at(step: Step, todo: Do) -> MailError {
    let server = SmtpServer::builder().starttls();
    let server = server.log_in("ana", "segredo", "PLAIN").start().await;
    server.once(step, todo);
    let mailer = mailer(&server).trusting(&server.certificate_file());
    let error = attempt(&mailer.with_patience(IMPATIENT)).await;
    error.expect_err("no answer")
}

/// One patience was spent, and the letter may have arrived only if it was handed over.
#[track_caller]
fn assert_lost_patience(error: &MailError, step: Step) {
    let case = format!("{step:?}: {error:?}");
    assert!(matches!(error, MailError::Unreachable { .. }), "{case}");
    assert!(error.to_string().contains("no answer to "), "{case}");
    assert_eq!(error.outcome_unknown(), step == Step::Letter, "{case}");
}

#[tokio::test]
async fn a_server_that_falls_silent_costs_one_patience() {
    for step in STEPS {
        assert_lost_patience(&attempt_at(step, Do::Hang).await, step);
    }
}

#[tokio::test]
async fn a_server_that_dribbles_costs_one_patience_for_its_whole_answer() {
    // In the handshake these are no replies, and no TLS either.
    for step in STEPS.into_iter().filter(|step| *step != Step::Handshake) {
        assert_lost_patience(&attempt_at(step, Do::Dribble).await, step);
    }
}

#[tokio::test]
async fn a_server_that_takes_the_call_and_never_greets_costs_one_patience() {
    // The machine takes the call in this listener's name; nobody comes to the door.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its number").port();
    for url in [
        format!("smtp://localhost:{port}"),
        format!("smtp://localhost:{port}?tls=required"),
        format!("smtps://localhost:{port}"),
    ] {
        let mailer = mailer_at(&url).with_patience(IMPATIENT);
        let error = attempt(&mailer).await.expect_err("nobody comes");
        assert_lost_patience(&error, Step::Greeting);
    }
}

#[tokio::test]
async fn a_call_that_is_swallowed_costs_one_patience() {
    // A machine whose line of waiting calls is full drops the next one without a word.
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = "127.0.0.1:0".parse().expect("an address");
    socket.bind(any).expect("a port");
    let listener = socket.listen(0).expect("a listener");
    let address = listener.local_addr().expect("its address");
    let mut waiting = Vec::new();
    while let Ok(call) = tokio::time::timeout(IMPATIENT.step, TcpStream::connect(address)).await {
        waiting.push(call.expect("a call"));
    }
    let mailer = mailer_at(&format!("smtp://{address}")).with_patience(IMPATIENT);
    let error = attempt(&mailer).await.expect_err("swallowed");
    let said = format!("127.0.0.1 port {}: no answer to the call", address.port());
    assert!(error.to_string().contains(&said), "{error}");
    assert_lost_patience(&error, Step::Greeting);
}
