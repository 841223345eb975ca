//! A taken e-mail is answered like a new one: nobody learns here who has an account.

use std::time::Duration;

use cadastro::{queue::State, store::JobRow};
use serde_json::json;

use super::{all_jobs, users};
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    page::Page,
    visitor::{PASSWORD, Visitor, receipt_of},
};

/// An answer without what differs between any two: the names, the receipt and the jobs' numbers.
fn shape(page: &Page, receipt: &str, username: &str, jobs: &[JobRow]) -> (u16, String, String) {
    let mut headers: Vec<String> = page
        .headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    let neutral = |text: &str| {
        let mut text = text.replace(receipt, "RECEIPT").replace(username, "NAME");
        for (place, job) in jobs.iter().enumerate() {
            for (before, after) in [("data-job=\"", "\""), ("\"id\":", ",")] {
                let number = format!("{before}{}{after}", job.id);
                text = text.replace(&number, &format!("{before}{place}{after}"));
            }
        }
        text
    };
    (
        page.status,
        neutral(&headers.join("\n")),
        neutral(&page.body),
    )
}

/// What of a job its visitor may compare with another's.
fn course(jobs: &[JobRow]) -> Vec<impl PartialEq + std::fmt::Debug + use<>> {
    jobs.iter()
        .map(|job| {
            (
                job.kind.clone(),
                job.state,
                (job.attempt, job.max_attempts),
                (job.run_at, job.started_at, job.finished_at),
                job.progress,
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_cannot_be_told_from_a_new_one() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        Visitor::new(&app).sign_up("maria").await;
        app.advance(Duration::from_secs(60));

        let visitor = Visitor::new(&app);
        let new = visitor.sign_up_as("bruno", "bruno@example.com").await;
        let taken = visitor.sign_up_as("celia", "Maria@example.com").await;
        let (of_new, of_taken) = (receipt_of(&new), receipt_of(&taken));
        let receipts = [(&of_new, "bruno"), (&of_taken, "celia")];
        assert_eq!(
            shape(&new, &of_new, "bruno", &[]),
            shape(&taken, &of_taken, "celia", &[])
        );
        for (task, state) in [
            ("simple_task", State::Executing),
            ("parameter_task", State::Executing),
        ] {
            for (receipt, _) in receipts {
                app.job_reaches(receipt, task, state).await;
            }
        }
        for ended in [false, true] {
            if ended {
                app.advance(Duration::from_secs(10));
            }
            let mut seen = Vec::new();
            for (receipt, name) in receipts {
                let states = [State::Scheduled, State::Executing];
                let states = if ended {
                    &[State::Completed][..]
                } else {
                    &states
                };
                let jobs = app.receipt_reaches(receipt, states).await;
                let page = visitor.get(&format!("/signup/{receipt}")).await;
                let api = visitor.get(&format!("/api/v1/signups/{receipt}")).await;
                let pages = [page, api].map(|page| shape(&page, receipt, name, &jobs));
                seen.push((pages, course(&jobs)));
            }
            assert_eq!(seen[0], seen[1], "{database}");
        }
        assert_eq!(users(&app).await, ["bruno", "maria"], "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_cannot_tell_a_taken_address_either() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        Visitor::new(&app).sign_up("maria").await;
        let visitor = Visitor::new(&app);
        let mut seen = Vec::new();
        for (name, email) in [
            ("bruno", "bruno@example.com"),
            ("celia", "maria@example.com"),
        ] {
            let body = json!({"username": name, "email": email, "password": PASSWORD});
            let page = visitor.post_json("/api/v1/signups", &body).await;
            let receipt = page.json()["receipt"]
                .as_str()
                .expect("a receipt")
                .to_owned();
            let receipt = receipt.as_str();
            let jobs = app.store.receipt(receipt).await.expect("an answer");
            let jobs = jobs.expect("a receipt").jobs;
            seen.push(shape(&page, receipt, name, &jobs));
        }
        assert_eq!(seen[0], seen[1], "{database}");
        assert_eq!(seen[0].0, 202);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_tells_no_more_than_the_address_does() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        Visitor::new(&app).sign_up("maria").await;
        let visitor = Visitor::new(&app);
        for (name, email) in [
            ("bruno", "bruno@example.com"),
            ("celia", "maria@example.com"),
        ] {
            visitor.sign_up_as(name, email).await.with_status(303);
            // Whoever asks for the name again, with an address that is new.
            for spelling in [name, &name.to_uppercase()] {
                let fresh = format!("fresh.{name}@example.com");
                let page = visitor.sign_up_as(spelling, &fresh).await.with_status(422);
                let beside = page.error_beside("username").expect("an error");
                assert!(beside.contains("already in use"), "{beside} on {database}");
                let body = json!({"username": spelling, "email": fresh, "password": PASSWORD});
                let page = visitor.post_json("/api/v1/signups", &body).await;
                let told = page.with_status(422).json();
                assert_eq!(told["errors"]["username"][0]["code"], "taken", "{told}");
            }
        }
        assert_eq!(users(&app).await, ["bruno", "maria"], "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_taken_address_is_told_and_nobody_else() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let owner = Visitor::new(&app).speaking("pt-BR");
        let hers = owner.sign_up("maria").await;
        app.advance(Duration::from_secs(10));
        app.receipt_reaches(&hers, &[State::Completed]).await;

        let visitor = Visitor::new(&app);
        let answer = visitor.sign_up_as("celia", "maria@example.com").await;
        let receipt = receipt_of(&answer.with_status(303));
        app.advance(Duration::from_secs(10));
        let jobs = app.receipt_reaches(&receipt, &[State::Completed]).await;
        let named = jobs.iter().filter_map(|job| job.result.as_deref());
        assert!(named.clone().any(|result| result.contains("celia")));
        assert!(!named.clone().any(|result| result.contains("maria")));

        let letters = app.store.letters(10).await.expect("letters");
        let letters: Vec<_> = letters
            .iter()
            .map(|letter| (letter.recipient.as_str(), letter.subject.as_str()))
            .collect();
        let expected = [
            ("maria@example.com", "Este e-mail já tem uma conta"),
            ("maria@example.com", "E-mail de boas-vindas!"),
        ];
        assert_eq!(letters, expected, "in the owner's language, on {database}");

        owner.log_in("maria", PASSWORD).await.with_status(303);
        let account = owner.get("/").await.with_status(200);
        assert_eq!(
            account.job_states().len(),
            4,
            "her own three and the log-in's"
        );
        assert_eq!(all_jobs(&app).await.len(), 7);
        visitor.log_in("celia", PASSWORD).await.with_status(422);
    }
}
