//! `cadastro users delete`, while cadastro serves: what is left of somebody.

use std::time::Duration;

use cadastro::{
    jobs::{Context, Done, JobError, Task},
    queue::{Job, Policy, State},
};
use serde::{Deserialize, Serialize};

use super::Terminal;
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    raw::Raw,
    visitor::{PASSWORD, Visitor, receipt_of},
};

/// A task that fails and says whose fault it was.
#[derive(Deserialize, Serialize)]
struct Tell {}

impl Job for Tell {
    const KIND: &'static str = "tell";
    const POLICY: Policy = Policy {
        max_attempts: 1,
        ..Policy::DEFAULT
    };
}

impl Task for Tell {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        cx.step("look up", async { Ok("maria".to_owned()) }).await?;
        let said = "maria@example.com is no good";
        Err(JobError::Failed(said.into()))
    }
}

/// All that is written about jobs, letters and people.
const ALL: &str = "
    SELECT kind || ' ' || state || ' ' || args || ' ' || coalesce(result, '') || coalesce(message, '') AS line FROM jobs
    UNION ALL SELECT outcome || ' ' || coalesce(error, '') FROM attempts
    UNION ALL SELECT name || ' ' || result FROM steps
    UNION ALL SELECT recipient || ' ' || subject || ' ' || body_text || ' ' || body_html FROM letters
    UNION ALL SELECT username || ' ' || email FROM users
    UNION ALL SELECT username || ' ' || receipt FROM signups";

async fn lines_with(database: &TestDatabase, name: &str) -> Vec<String> {
    let lines = Raw::open(database.url()).await.lines(ALL).await;
    let found = lines.into_iter().filter(|line| line.contains(name));
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_names_a_user_who_was_deleted_not_even_a_job_that_ran_meanwhile() {
    for database in TestDatabase::both() {
        let app = TestApp::builder(&database)
            .set("CADASTRO_SHUTDOWN_GRACE", "1m")
            .jobs(|jobs| jobs.task::<Tell>())
            .start()
            .await;
        let maria = Visitor::new(&app);
        let mut receipts = vec![maria.sign_up("maria").await];
        // Somebody else with her address: their jobs are about her, too.
        let celia = Visitor::new(&app);
        let answer = celia.sign_up_as("celia", "maria@example.com").await;
        receipts.push(receipt_of(&answer));
        let user = app.store.users(None, 1).await.expect("users")[0].id;
        let tell = app.scheduler.enqueue(vec![Tell {}.now().of_user(user.0)]);
        tell.await.expect("enqueued");
        app.advance(Duration::from_secs(10));
        for receipt in &receipts {
            app.receipt_reaches(receipt, &[State::Completed]).await;
        }
        maria.log_in("maria", PASSWORD).await.with_status(303);
        let find = |store: cadastro::store::Store| async move {
            store.jobs_of_user(user, 50).await.expect("an answer").jobs
        };
        let under_way = app.until(find, |jobs| {
            jobs[0].state == State::Executing && jobs[1].state == State::Discarded
        });
        let running = under_way.await.remove(0);
        // Two results, two letters with her name, the attempt that failed, its step, and herself.
        let named = lines_with(&database, "maria").await;
        assert!(named.len() >= 7, "{named:#?}");

        let terminal = Terminal::new().with("DATABASE_URL", database.url());
        let said = terminal.say("users delete maria --yes").done();
        assert_eq!(said, "maria is deleted\n");
        let found = app.store.job(running.id).await.expect("an answer");
        assert_eq!(found.expect("it stays").state, State::Cancelled);
        let attempts = app.store.attempts(running.id).await.expect("an answer");
        let reasons: Vec<_> = attempts.iter().map(|a| a.error.as_deref()).collect();
        assert_eq!(reasons, [Some("the user was deleted")], "{database}");
        let page = maria.get("/").await.with_status(200);
        assert_eq!(page.with_class("who-name").count(), 0);

        // The attempt goes on to its end; the stop waits until that has been written down, or not.
        app.advance(Duration::from_secs(10));
        app.stop();
        for name in ["maria", "celia"] {
            assert_eq!(lines_with(&database, name).await, [""; 0], "{database}");
        }
        let jobs = lines_with(&database, "_task ").await;
        assert_eq!(jobs.len(), 5, "{jobs:#?}");
    }
}
