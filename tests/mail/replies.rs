//! What the server says, at every step, and what is made of it.

use cadastro::mail::{MailError, Mailer};

use super::{attempt, mailer};
use crate::support::smtp::{Do, SmtpServer, Step};

/// A variant of [`MailError`].
#[derive(Clone, Copy, Debug, PartialEq)]
enum Is {
    Permanent,
    Temporary,
    Busy,
    Misconfigured,
    Unreachable,
}

impl Is {
    fn of(error: &MailError) -> Self {
        match error {
            MailError::Permanent { .. } => Is::Permanent,
            MailError::Temporary { .. } => Is::Temporary,
            MailError::Busy { .. } => Is::Busy,
            MailError::Misconfigured(_) => Is::Misconfigured,
            MailError::Unreachable { .. } => Is::Unreachable,
            MailError::Invalid(_) => panic!("the letter is a good one: {error}"),
        }
    }
}

/// Before any letter.
const OF_THE_SERVER: [(&str, Is); 9] = [
    ("421 4.3.2 Not here, not now", Is::Busy),
    ("450 4.7.1 Not from there", Is::Busy),
    ("451 4.3.0 Out of order", Is::Busy),
    ("452 4.3.1 Disk full", Is::Busy),
    ("454 4.7.0 Not at the moment", Is::Busy),
    ("535 5.7.8 Wrong user or password", Is::Misconfigured),
    ("550 5.7.1 What a name", Is::Misconfigured),
    ("554 5.7.1 No service for you", Is::Misconfigured),
    (
        "530 5.7.0 Must issue a STARTTLS command first",
        Is::Misconfigured,
    ),
];

/// To MAIL, RCPT, DATA and the letter itself.
const OF_THE_LETTER: [(&str, Is); 9] = [
    ("421 4.3.2 Shutting down", Is::Busy),
    ("450 4.2.0 Come back later", Is::Temporary),
    ("451 4.3.0 Out of order", Is::Temporary),
    ("452 4.5.3 Too many recipients", Is::Temporary),
    ("530 5.7.0 Log in first", Is::Misconfigured),
    ("550 5.1.1 No such user", Is::Permanent),
    ("552 5.2.2 Mailbox full", Is::Permanent),
    ("553 5.1.8 Whoever you are", Is::Permanent),
    ("554 5.7.1 Not wanted", Is::Permanent),
];

const STEPS: [Step; 8] = [
    Step::Greeting,
    Step::Ehlo,
    Step::StartTls,
    Step::Auth,
    Step::Mail,
    Step::Rcpt,
    Step::Data,
    Step::Letter,
];

async fn server() -> (SmtpServer, Mailer) {
    let server = SmtpServer::builder().starttls();
    let server = server.log_in("ana", "segredo", "PLAIN").start().await;
    let mailer = mailer(&server).trusting(&server.certificate_file());
    (server, mailer)
}

#[tokio::test]
async fn every_reply_is_told_by_its_code_and_by_when_it_came() {
    let (server, mailer) = server().await;
    let before = [Step::Greeting, Step::Ehlo, Step::StartTls, Step::Auth];
    let within = [Step::Mail, Step::Rcpt, Step::Data, Step::Letter];
    let table = [(&before, OF_THE_SERVER), (&within, OF_THE_LETTER)];
    let cases = table.iter().flat_map(|(steps, replies)| {
        let of = |step| replies.iter().map(move |(reply, is)| (step, *reply, *is));
        steps.iter().flat_map(move |step| of(*step))
    });
    let mut accepted = 0;
    for (step, reply, is) in cases {
        let todo = match reply.starts_with("421") {
            true => Do::ReplyAndClose(reply),
            false => Do::Reply(reply),
        };
        server.once(step, todo);
        let error = attempt(&mailer).await.expect_err(reply);
        let case = format!("{reply} at {step:?}: {error:?}");
        assert_eq!(Is::of(&error), is, "{case}");
        assert!(error.to_string().ends_with(reply), "{case}");
        assert_eq!(error.is_permanent(), is == Is::Permanent, "{case}");
        let of_the_letter = [Is::Permanent, Is::Temporary].contains(&is);
        assert_eq!(error.speaks_of_the_server(), !of_the_letter, "{case}");
        let code = reply.split(' ').next().and_then(|code| code.parse().ok());
        let kept = (is != Is::Misconfigured).then_some(code).flatten();
        assert_eq!(error.code(), kept, "{case}");
        assert!(!error.outcome_unknown(), "{case}");
        assert_eq!(server.seen().letters.len(), accepted, "{case}");

        attempt(&mailer).await.expect("it was said only once");
        accepted += 1;
    }
    assert_eq!(accepted, 72);
}

#[tokio::test]
async fn a_reply_of_several_lines_is_kept_on_one() {
    let (server, mailer) = server().await;
    server.once(Step::Rcpt, Do::Reply("554-5.7.1 Not\r\n554 5.7.1 wanted"));
    let error = attempt(&mailer).await.expect_err("refused");
    let reply = "5.7.1 Not wanted".to_owned();
    assert_eq!(error, MailError::Permanent { code: 554, reply });
}

#[tokio::test]
async fn what_is_no_reply_is_no_success_and_no_refusal() {
    const GARBAGE: [&[u8]; 8] = [
        b"ok\r\n",
        b"\r\n",
        b"25\r\n",
        b"2500 too much\r\n",
        b"999 no such code\r\n",
        b"-1 no code at all\r\n",
        b"250-one answer\r\n550 and another\r\n",
        b"\x16\x03\x01\xff\xfe\x00\r\n",
    ];
    let (server, mailer) = server().await;
    for step in STEPS {
        for garbage in GARBAGE {
            server.once(step, Do::Send(garbage));
            let error = attempt(&mailer).await.expect_err("garbage");
            let case = format!("{} at {step:?}: {error:?}", garbage.escape_ascii());
            assert_eq!(Is::of(&error), Is::Unreachable, "{case}");
            assert_eq!(error.outcome_unknown(), step == Step::Letter, "{case}");
            assert!(!error.to_string().contains(char::is_control), "{case}");
        }
    }
    assert!(server.seen().letters.is_empty());
    attempt(&mailer).await.expect("accepted");
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_listened_to_for_long() {
    let (server, mailer) = server().await;
    for step in STEPS {
        server.once(step, Do::Flood);
        let error = attempt(&mailer).await.expect_err("no end");
        let case = format!("{step:?}: {error:?}");
        assert!(
            error.to_string().contains("its answer has no end"),
            "{case}"
        );
        assert_eq!(error.outcome_unknown(), step == Step::Letter, "{case}");
    }
    attempt(&mailer).await.expect("accepted");
}
