//! A job that calls a service over HTTP comes back when the service wants it to.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    time::Duration,
};

use cadastro::{
    jobs::{Context, Done, JobError, Task},
    queue::{Job, JobId, Policy, State},
    store::{JobRow, Store},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::RETRY_AFTER;
use serde::{Deserialize, Serialize};

use crate::support::{app::TestApp, database::TestDatabase};

/// A task that needs another service.
#[derive(Deserialize, Serialize)]
struct Call {
    url: String,
}

impl Job for Call {
    const KIND: &'static str = "call";
    const POLICY: Policy = Policy {
        longest_wait: Duration::from_secs(3600),
        ..Policy::DEFAULT
    };
}

impl Task for Call {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        let answer = reqwest::get(self.url).await?;
        if let Err(error) = answer.error_for_status_ref() {
            let header = answer.headers().get(RETRY_AFTER);
            let header = header.and_then(|value| value.to_str().ok());
            return Err(cx.retry_after(header, error));
        }
        Ok(answer.text().await?.into())
    }
}

/// A service that answers its calls with these, in turn; gives its address.
fn service(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for answer in answers {
            let (mut call, _) = listener.accept().expect("a call");
            let mut lines = BufReader::new(&call).lines();
            while lines
                .next()
                .is_some_and(|line| !line.expect("text").is_empty())
            {}
            call.write_all(answer.as_bytes()).expect("it is heard");
        }
    });
    format!("http://{address}/")
}

fn busy(headers: &str) -> String {
    format!("HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n")
}

async fn comes_to(app: &TestApp, job: JobId, point: impl Fn(&JobRow) -> bool) -> JobRow {
    let find = |store: Store| async move {
        let found = store.job(job).await.expect("the database answers");
        found.into_iter().collect()
    };
    let found = app.until(find, |jobs| jobs.iter().any(&point));
    found.await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_comes_back_when_the_service_that_it_needs_wants_it_to() {
    for database in TestDatabase::both() {
        let app = TestApp::builder(&database)
            .jobs(|jobs| jobs.task::<Call>())
            .start()
            .await;
        let done = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone";
        // The clock of the tests begins at noon.
        let url = service(vec![
            busy("Retry-After: 120\r\n"),
            busy("Retry-After: Sun, 22 Nov 2026 12:05:00 GMT\r\n"),
            busy("Retry-After: 31536000\r\n"),
            busy(""),
            done.to_owned(),
        ]);
        let rows = app.scheduler.enqueue(vec![Call { url }.now()]).await;
        let job = rows.expect("enqueued")[0].id;
        let noon: Timestamp = "2026-11-22T12:00:00Z".parse().expect("an instant");
        // The third one waits no longer than an hour and the quarter by which waits are spread.
        for (attempt, due) in [(1, 120), (2, 300), (3, 300 + 4500)] {
            let failed = comes_to(&app, job, |job| {
                job.state == State::Retryable && job.attempt == attempt
            });
            let run_at = failed.await.run_at;
            assert_eq!(run_at, noon + SignedDuration::from_secs(due), "{database}");
            let wait = run_at.duration_since(app.now());
            app.advance(Duration::try_from(wait).expect("it is ahead"));
        }
        // Without a word from the service the back-off decides: after the fourth failure, 40 s or so.
        let failed = comes_to(&app, job, |job| {
            job.state == State::Retryable && job.attempt == 4
        });
        let wait = failed.await.run_at.duration_since(app.now()).as_secs_f64();
        assert!((30.0..=50.0).contains(&wait), "{wait}");
        app.advance(Duration::from_secs(50));
        let done = comes_to(&app, job, |job| job.state == State::Completed).await;
        assert_eq!(done.result.as_deref(), Some("done"));
        let attempts = app.store.attempts(job).await.expect("an answer");
        assert_eq!(attempts.len(), 4);
        for attempt in attempts {
            let error = attempt.error.expect("a reason");
            assert!(
                error.starts_with("error: HTTP status server error (503"),
                "{error}"
            );
        }
    }
}
