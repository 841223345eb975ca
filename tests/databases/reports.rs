//! What people and `/metrics` ask: pages of jobs, counts, pauses, letters.

use cadastro::{
    queue::{Due, EMAIL, JobId, NewJob, State, TASK},
    store::{JobCount, JobFilter, JobRow, NewLetter, QueueLoad, QueueRow, Store},
};

use super::{at, claimed, enqueued, job, on_both, plans::fill};

async fn listed(store: &Store, filter: JobFilter) -> Vec<JobId> {
    let jobs = store.jobs(&filter, None, 100).await.expect("an answer");
    jobs.into_iter().map(|job| job.id).collect()
}

fn email(kind: &str) -> NewJob {
    NewJob {
        queue: EMAIL.to_owned(),
        ..job(kind)
    }
}

fn later(new: NewJob) -> NewJob {
    NewJob {
        due: Due::At(at(500)),
        ..new
    }
}

#[tokio::test]
async fn a_list_shows_the_jobs_that_pass_every_filter_the_newest_first() {
    on_both(async |subject| {
        let store = &subject.store;
        let jobs = [
            job("a"),
            email("letter"),
            job("b"),
            later(job("a")),
            email("a"),
        ];
        let rows = store.enqueue(&jobs, at(0)).await.expect("enqueued");
        let id = |index: usize| rows[index].id;
        let none = JobFilter::default;
        let state = Some(State::Scheduled);
        let kind = Some("a".to_owned());
        let queue = Some(EMAIL.to_owned());
        assert_eq!(listed(store, none()).await, [4, 3, 2, 1, 0].map(id));
        let by_state = JobFilter { state, ..none() };
        assert_eq!(listed(store, by_state).await, [3].map(id));
        let by_kind = JobFilter { kind, ..none() };
        assert_eq!(listed(store, by_kind.clone()).await, [4, 3, 0].map(id));
        let by_both = JobFilter { queue, ..by_kind };
        assert_eq!(listed(store, by_both.clone()).await, [4].map(id));
        let by_all = JobFilter { state, ..by_both };
        assert_eq!(listed(store, by_all).await, []);
    })
    .await;
}

#[tokio::test]
async fn the_pages_of_a_list_are_complete_and_repeat_nothing_while_jobs_arrive() {
    on_both(async |subject| {
        let store = &subject.store;
        let batch = [job("a"), job("b"), job("a")];
        let mut expected = Vec::new();
        for _ in 0..4 {
            let rows = store.enqueue(&batch, at(0)).await.expect("enqueued");
            expected.extend(rows.iter().filter(|row| row.kind == "a").map(|row| row.id));
        }
        expected.reverse();
        let filter = JobFilter {
            kind: Some("a".to_owned()),
            ..JobFilter::default()
        };
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.jobs(&filter, cursor, 3).await.expect("an answer");
            let Some(last) = page.last() else { break };
            cursor = Some(last.id);
            seen.extend(page.iter().map(|job| job.id));
            store.enqueue(&batch, at(1)).await.expect("enqueued");
        }
        assert_eq!(seen, expected);
    })
    .await;
}

#[tokio::test]
async fn jobs_are_counted_by_queue_kind_and_state() {
    on_both(async |subject| {
        let store = &subject.store;
        let jobs = [job("a"), job("a"), later(job("a")), email("a")];
        store.enqueue(&jobs, at(0)).await.expect("enqueued");
        let mut counts = store.job_counts().await.expect("an answer");
        counts.sort_by_key(|count| (count.queue.clone(), count.state.word()));
        let count = |queue: &str, state, jobs| JobCount {
            queue: queue.to_owned(),
            kind: "a".to_owned(),
            state,
            jobs,
        };
        let expected = [
            count(EMAIL, State::Available, 1),
            count(TASK, State::Available, 2),
            count(TASK, State::Scheduled, 1),
        ];
        assert_eq!(counts, expected);
    })
    .await;
}

#[tokio::test]
async fn many_jobs_are_counted_in_portions_each_of_them_once() {
    on_both(async |subject| {
        let mut raw = subject.raw().await;
        fill(&mut raw).await;
        let counts = subject.store.job_counts().await.expect("an answer");
        let of = |state| -> Vec<i64> {
            let counts = counts.iter().filter(|count| count.state == state);
            counts.map(|count| count.jobs).collect()
        };
        assert_eq!(of(State::Scheduled), [50_000]);
        assert_eq!(of(State::Available), [10]);
        assert_eq!(of(State::Executing), [10]);
        assert_eq!(of(State::Completed), [49_980]);
    })
    .await;
}

#[tokio::test]
async fn a_queue_that_lags_says_since_when() {
    on_both(async |subject| {
        let store = &subject.store;
        assert_eq!(store.queue_loads().await.expect("an answer"), []);
        let old = NewJob {
            due: Due::At(at(-60)),
            ..job("a")
        };
        let jobs = [job("a"), old, later(email("a"))];
        store.enqueue(&jobs, at(0)).await.expect("enqueued");
        let load = QueueLoad {
            queue: TASK.to_owned(),
            oldest_due: at(-60),
        };
        assert_eq!(store.queue_loads().await.expect("an answer"), [load]);
    })
    .await;
}

#[tokio::test]
async fn a_queue_is_paused_and_resumed_for_everybody() {
    on_both(async |subject| {
        let (store, other) = (&subject.store, subject.another_store());
        assert_eq!(store.queues().await.expect("an answer"), []);
        let row = |since, because: Option<&str>| QueueRow {
            name: EMAIL.to_owned(),
            paused_at: since,
            because: because.map(str::to_owned),
            ..QueueRow::default()
        };
        let pause = store.pause_queue(EMAIL, "a test", at(1)).await;
        pause.expect("an answer");
        let seen = other.queues().await.expect("an answer");
        assert_eq!(seen, [row(Some(at(1)), Some("a test"))]);
        let pause = other.pause_queue(EMAIL, "another", at(2)).await;
        pause.expect("an answer");
        let seen = store.queues().await.expect("an answer");
        assert_eq!(seen, [row(Some(at(2)), Some("another"))]);
        other.resume_queue(EMAIL).await.expect("an answer");
        let seen = store.queues().await.expect("an answer");
        assert_eq!(seen, [row(None, None)]);
    })
    .await;
}

#[tokio::test]
async fn a_letter_that_is_sent_twice_is_kept_once() {
    on_both(async |subject| {
        let store = &subject.store;
        let letter = |number: i64| NewLetter {
            message_id: format!("job-{number}@localhost"),
            sender: "no-reply@localhost".to_owned(),
            recipient: "maria@example.com".to_owned(),
            subject: format!("Olá {number}"),
            text: "Olá!\n".to_owned(),
            html: "<p>Olá!</p>".to_owned(),
            source: vec![0, 159, 146, 150],
            sent_at: at(number),
        };
        enqueued(store, job("letter")).await;
        let job = claimed(store, "letter", "here").await;
        for number in [1, 2, 1] {
            let kept = store.keep_letter(&letter(number), &job).await;
            assert!(kept.expect("an answer"));
        }
        // Once the attempt has another owner, or none, its letter comes too late.
        let late = JobRow {
            attempt: job.attempt + 1,
            ..job
        };
        let kept = store.keep_letter(&letter(3), &late).await;
        assert!(!kept.expect("an answer"));
        let letters = store.letters(10).await.expect("an answer");
        let subjects: Vec<_> = letters.iter().map(|line| line.subject.as_str()).collect();
        assert_eq!(subjects, ["Olá 2", "Olá 1"]);
        assert_eq!(store.letters(1).await.expect("an answer").len(), 1);
        let found = store.letter(letters[1].id).await.expect("an answer");
        let found = found.expect("it was kept").letter;
        assert_eq!(format!("{found:?}"), format!("{:?}", letter(1)));
        assert!(store.letter(4711).await.expect("an answer").is_none());
    })
    .await;
}
