//! More people at once than there are passwords that can be hashed.

use cadastro::{
    account::Application,
    actors::{AskError, SignUpError},
    store::SignedUp,
    text::Locale,
};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{PASSWORD, Visitor, filled},
};

/// Far fewer than wait then, however few cores there are to hash.
const FEW: usize = 100;

async fn sign_up(app: &TestApp, number: usize) -> Result<SignedUp, SignUpError> {
    let (name, email) = (format!("visitor-{number}"), format!("{number}@example.com"));
    let parsed = Application::parse(&name, &email, PASSWORD, None, Locale::En);
    app.registrar
        .sign_up(parsed.expect("a good one"), None)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_one_too_many_is_told_when_to_come_back_and_log_ins_do_not_wait_behind_the_crowd() {
    let database = TestDatabase::sqlite();
    // A hash takes so long that most who wait for one still do at the end.
    let app = TestApp::builder(&database)
        .set("CADASTRO_PASSWORD_HASH", "m=19456,t=64,p=1")
        .set("CADASTRO_SHUTDOWN_GRACE", "0s")
        .start()
        .await;
    let mut crowd = FuturesUnordered::new();
    for number in 0.. {
        crowd.push(sign_up(&app, number));
        if let Some(Some(Err(error))) = crowd.next().now_or_never() {
            assert!(matches!(error, SignUpError::Ask(AskError::Busy)), "{error}");
            break;
        }
    }

    let visitor = Visitor::new(&app);
    let form = filled("maria", "maria@example.com", "");
    let mut answers = FuturesUnordered::new();
    let refused = loop {
        answers.push(visitor.post("/signup", &form));
        tokio::select! {
            answer = answers.select_next_some() => break answer.with_status(503),
            // One of the crowd has its answer, and left its place to her: she sends the form once more.
            _ = crowd.select_next_some() => {}
        }
    };
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_eq!(refused.value("username"), "maria");

    let nobody = visitor.log_in("nobody", PASSWORD);
    let mut hashed = 0;
    tokio::pin!(nobody);
    loop {
        tokio::select! {
            answer = &mut nobody => break drop(answer.with_status(422)),
            _ = crowd.select_next_some() => hashed += 1,
        }
    }
    assert!(hashed < FEW, "{hashed} were hashed first");
}
