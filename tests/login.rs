//! Logging in and out: who is let in, what it starts, and when a session is over.

mod passwords;
mod redirects;
mod sessions;

use std::time::Duration;

use cadastro::queue::State;

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    page::Page,
    visitor::{PASSWORD, Visitor},
};

/// The name of whoever is logged in, as the page greets them.
fn greeted(page: &Page) -> Option<String> {
    Some(page.with_class("who-name").next()?.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_or_an_address_in_any_case_logs_in() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        Visitor::new(&app).sign_up("Maria").await;
        for login in [
            "Maria",
            "maria",
            " MARIA ",
            "maria@example.com",
            "MARIA@Example.COM",
        ] {
            let visitor = Visitor::new(&app);
            let answer = visitor.log_in(login, PASSWORD).await.with_status(303);
            assert_eq!(answer.location(), "/", "{login}");
            let page = visitor.get("/").await.with_status(200);
            assert_eq!(
                greeted(&page).as_deref(),
                Some("Maria"),
                "{login} on {database}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_and_a_wrong_password_get_the_same_page() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        visitor.sign_up("maria").await;
        let mut seen = Vec::new();
        for login in [
            "maria",
            "bruno",
            "maria@example.com",
            "bruno@example.com",
            "no one",
            "@",
        ] {
            let page = visitor
                .log_in(login, "not the password")
                .await
                .with_status(422);
            assert_eq!(page.value("login"), login);
            assert_eq!(page.input("password").get("value"), None);
            assert!(!page.body.contains("not the password"));
            let typed = format!("value=\"{login}\"");
            let mut headers: Vec<_> = page
                .headers
                .iter()
                .filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()))
                .map(|(name, value)| format!("{name}: {value:?}"))
                .collect();
            // actix-web writes them in any order.
            headers.sort();
            seen.push((page.body.replace(&typed, ""), headers));
        }
        assert!(seen[0].0.contains("Wrong username, e-mail or password."));
        assert!(seen.iter().all(|page| *page == seen[0]), "{seen:#?}");
        assert!(visitor.cookie("cadastro_session").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_empty_is_asked_for_in_the_visitors_language() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    for (locale, login, password) in [
        (
            "en",
            "Enter your username or e-mail.",
            "Enter your password.",
        ),
        (
            "pt-BR",
            "Informe seu usuário ou e-mail.",
            "Informe sua senha.",
        ),
    ] {
        let visitor = Visitor::new(&app).speaking(locale);
        for (typed, asked) in [
            (["", ""], &[("login", login), ("password", password)][..]),
            ([" ", PASSWORD], &[("login", login)]),
            (["maria", ""], &[("password", password)]),
        ] {
            let page = visitor.log_in(typed[0], typed[1]).await.with_status(422);
            let asked = asked
                .iter()
                .map(|(field, said)| ((*field).to_owned(), (*said).to_owned()));
            assert_eq!(page.summary(), asked.collect::<Vec<_>>());
            for (field, said) in page.summary() {
                let beside = page
                    .error_beside(&field)
                    .expect("an error beside the field");
                assert!(beside.ends_with(&said), "{beside}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_starts_one_task_and_a_log_out_the_other() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let receipt = visitor.sign_up("maria").await;
        app.advance(Duration::from_secs(10));
        app.receipt_reaches(&receipt, &[State::Completed]).await;
        let user = app.store.users(None, 1).await.expect("users")[0].id;

        visitor.log_in("maria", PASSWORD).await.with_status(303);
        let find = |store: cadastro::store::Store| async move {
            let seen = store.jobs_of_user(user, 50).await;
            seen.expect("an answer").jobs
        };
        app.until(find, |jobs| jobs[0].state == State::Executing)
            .await;
        let page = visitor.get("/").await.with_status(200);
        let states = ["executing", "completed", "completed", "completed"];
        assert_eq!(page.job_states(), states, "{database}");
        let list = page.by_id("jobs").expect("the list");
        assert_eq!(list.get("data-events"), Some("/account/events"));

        app.advance(Duration::from_secs(10));
        let all_done =
            |jobs: &[cadastro::store::JobRow]| jobs.iter().all(|job| job.state == State::Completed);
        let jobs = app.until(find, all_done).await;
        assert_eq!((jobs.len(), jobs[0].kind.as_str()), (4, "parameter_task"));
        let named = "Task with a parameter completed! For the user maria";
        assert_eq!(jobs[0].result.as_deref(), Some(named));

        let answer = visitor.post("/logout", &[]).await.with_status(303);
        assert_eq!(answer.location(), "/");
        app.advance(Duration::from_secs(5));
        let jobs = app.until(find, all_done).await;
        assert_eq!((jobs.len(), jobs[0].kind.as_str()), (5, "simple_task"));
        visitor.post("/logout", &[]).await.with_status(303);
        assert_eq!(find(app.store.clone()).await.len(), 5, "nobody left twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_shows_ones_own_details_and_jobs_alone() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitors = ["maria", "bruno"].map(|name| (name, Visitor::new(&app)));
    for (name, visitor) in &visitors {
        visitor.sign_up(name).await;
    }
    let jobs_of = |page: &Page| -> Vec<String> {
        let jobs = page.with_class("job");
        jobs.filter_map(|job| job.get("data-job").map(str::to_owned))
            .collect()
    };
    let mut seen = Vec::new();
    for (name, visitor) in &visitors {
        visitor.log_in(name, PASSWORD).await.with_status(303);
        let page = visitor.get("/").await.with_status(200);
        assert_eq!(greeted(&page).as_deref(), Some(*name));
        let details: Vec<_> = page.named("dd").map(|detail| detail.text()).collect();
        let email = format!("{name}@example.com");
        assert_eq!(details, [*name, &email, "22 Nov 2026, 12:00:00 UTC"]);
        assert_eq!(page.job_states().len(), 4);
        seen.extend(jobs_of(&page));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 8, "no job is on both pages");

    let events = Visitor::new(&app).get("/account/events").await;
    events.with_status(401);
}
