//! What happens when: the letter after its delay, the tasks at once, nothing too early.

use std::time::Duration;

use cadastro::{account::Application, queue::State, text::Locale};

use crate::support::{app::TestApp, database::TestDatabase};

/// Signs somebody up past the web, and gives the receipt.
pub async fn sign_up(app: &TestApp, username: &str) -> String {
    let email = format!("{username}@example.com");
    let parsed = Application::parse(username, &email, "correct horse battery", None, Locale::En);
    let application = parsed.expect("a good application");
    app.registrar
        .sign_up(application, None)
        .await
        .expect("signed up")
        .receipt
}

#[tokio::test(flavor = "multi_thread")]
async fn the_welcome_letter_leaves_ten_seconds_after_the_sign_up_and_not_before() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let receipt = sign_up(&app, "maria").await;

        app.job_reaches(&receipt, "simple_task", State::Executing)
            .await;
        app.advance(Duration::from_millis(9_999));
        app.job_reaches(&receipt, "simple_task", State::Completed)
            .await;
        let letter = app
            .job_reaches(&receipt, "welcome_email", State::Scheduled)
            .await;
        assert_eq!(letter.attempt, 0, "{database}");
        assert!(app.store.letters(10).await.expect("letters").is_empty());

        app.advance(Duration::from_millis(1));
        let jobs = app.receipt_reaches(&receipt, &[State::Completed]).await;
        let letters = app.store.letters(10).await.expect("letters");
        assert_eq!(letters.len(), 1, "{database}");
        assert_eq!(letters[0].recipient, "maria@example.com");
        let results: Vec<_> = jobs
            .iter()
            .filter_map(|job| job.result.as_deref())
            .collect();
        assert_eq!(
            results,
            [
                "Simple task completed!",
                "Task with a parameter completed! For the user maria"
            ]
        );
        app.stop();
    }
}
