//! How far a job has come, and what it says that it is at.

use std::time::Duration;

use cadastro::{
    jobs::{Context, Done, JobError, Task},
    queue::{Job, NewJob, State},
    store::{JobRow, Store},
};
use serde::{Deserialize, Serialize};

use crate::{
    cli::Terminal,
    support::{app::TestApp, database::TestDatabase, visitor::Visitor},
};

const HOUR: Duration = Duration::from_secs(3600);

/// A task that says what it is at, goes on in silence, and fails; then it says nothing.
#[derive(Deserialize, Serialize)]
struct Narrate {}

impl Job for Narrate {
    const KIND: &'static str = "narrate";
    const POLICY: cadastro::queue::Policy = cadastro::queue::Policy {
        time_limit: Duration::from_secs(24 * 3600),
        ..cadastro::queue::Policy::DEFAULT
    };
}

impl Task for Narrate {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        if cx.attempt() == 1 {
            cx.progress_with(40, "<b>copying</b> \"a & b\"\0");
            cx.progress(50);
            cx.clock().sleep(HOUR).await;
            return Err(std::io::Error::other("the disk is full").into());
        }
        cx.progress(1);
        cx.clock().sleep(HOUR).await;
        Ok(Done::default())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_says_of_its_progress_is_seen_wherever_the_job_is_until_the_attempt_ends() {
    for database in TestDatabase::both() {
        let app = TestApp::builder(&database)
            .jobs(|jobs| jobs.task::<Narrate>())
            .start()
            .await;
        let visitor = Visitor::new(&app);
        let receipt = visitor.sign_up("maria").await;
        let jobs = app.job_reaches(&receipt, "simple_task", State::Executing);
        let signup = jobs.await.signup;
        let new = NewJob {
            signup,
            ..Narrate {}.now()
        };
        let rows = app.scheduler.enqueue(vec![new]).await.expect("enqueued");
        let job = rows[0].id;
        let find = |store: Store| async move {
            let found = store.job(job).await.expect("the database answers");
            found.into_iter().collect::<Vec<JobRow>>()
        };
        // What came within one piece of news is one: the last figure, and the last words.
        let narrating = app.until(find, |jobs| jobs[0].progress == Some(50));
        let said = "<b>copying</b> \"a & b\"\u{FFFD}";
        assert_eq!(narrating.await[0].message.as_deref(), Some(said));

        let page = visitor.get(&format!("/signup/{receipt}")).await;
        let escaped = "&lt;b&gt;copying&lt;/b&gt; &quot;a &amp; b&quot;";
        assert!(page.body.contains(escaped), "{}", page.body);
        let events = format!("{}/signup/{receipt}/events", app.url);
        let mut events = reqwest::get(events).await.expect("an answer");
        let event = events.chunk().await.expect("the stream holds");
        let event = String::from_utf8_lossy(&event.expect("told at once")).into_owned();
        assert!(event.contains(escaped), "{event}");
        let path = format!("/api/v1/signups/{receipt}");
        let json = visitor.get(&path).await.with_status(200).json();
        assert_eq!(json["jobs"][3]["message"], said);
        let shown = Terminal::at(&database).say(&format!("jobs show {job}"));
        assert!(
            shown
                .done()
                .contains("progress  50 %\nmessage   <b>copying</b>")
        );

        app.advance(HOUR);
        let failed = app.until(find, |jobs| jobs[0].state == State::Retryable);
        assert_eq!(failed.await[0].message, None, "{database}");
        app.advance(Duration::from_secs(7));
        let second = app.until(find, |jobs| jobs[0].progress == Some(1));
        assert_eq!(second.await[0].message, None, "{database}");
    }
}
