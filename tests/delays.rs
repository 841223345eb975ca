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

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_enqueued_is_found_while_the_scheduler_is_busy() {
    let database = TestDatabase::sqlite();
    // Progress every two seconds keeps the Scheduler turning.
    let app = TestApp::builder(&database)
        .set("CADASTRO_PARAMETER_TASK", "40s")
        .set("CADASTRO_SIMPLE_TASK", "0s")
        .real_clock()
        .start()
        .await;
    let receipt = sign_up(&app, "maria").await;
    app.job_reaches(&receipt, "simple_task", State::Completed)
        .await;

    let catalogue = app.scheduler.catalogue();
    let job = catalogue
        .new_job("simple_task", serde_json::json!({}))
        .expect("a known kind");
    let id = app
        .store
        .enqueue(&[job], app.now())
        .await
        .expect("enqueued")[0]
        .id;
    let found = app.until(
        |store| async move {
            store
                .job(id)
                .await
                .expect("an answer")
                .into_iter()
                .collect()
        },
        |jobs| jobs[0].state == State::Completed,
    );
    found.await;
    let busy = app
        .job_reaches(&receipt, "parameter_task", State::Executing)
        .await;
    assert!(busy.progress.is_some(), "it was busy all the while");
}
