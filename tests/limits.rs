//! Who tries too often: at which door, from where, to whose account.

use std::time::Duration;

use cadastro::account::Login;
use futures_util::future::join_all;

use crate::support::{
    app::TestApp,
    database::{PostgresServer, TestDatabase},
    visitor::{PASSWORD, Visitor, filled},
};

/// cadastro with its limits, behind a proxy that says for whom it asks.
async fn guarded(database: &TestDatabase) -> TestApp {
    TestApp::builder(database)
        .set("CADASTRO_RATE_LIMIT", "on")
        .set("CADASTRO_TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_thirty_first_sign_up_in_a_minute_waits_and_other_addresses_do_not() {
    for database in TestDatabase::both() {
        let app = guarded(&database).await;
        let from = |address: &str| Visitor::new(&app).behind(address);
        for _ in 0..30 {
            from("2001:db8::1")
                .post("/signup", &[])
                .await
                .with_status(422);
        }
        // The same network: whoever has one IPv6 address has a whole /64 of them.
        let page = from("2001:db8::2")
            .post("/signup", &filled("maria", "m@example.com", ""))
            .await;
        let page = page.with_status(429);
        assert_eq!(page.header("retry-after"), Some("2"), "{database}");
        assert_eq!(page.value("username"), "maria");
        from("2001:db8:0:1::1")
            .post("/signup", &[])
            .await
            .with_status(422);
        app.advance(Duration::from_secs(2));
        from("2001:db8::2")
            .post("/signup", &[])
            .await
            .with_status(422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_wait_costs_the_database_nothing() {
    let server = PostgresServer::new();
    let app = guarded(&TestDatabase::on(&server)).await;
    let tried = [("login", "maria"), ("password", "x")];
    let [hasty, patient] = ["192.0.2.1", "192.0.2.2"].map(|from| Visitor::new(&app).behind(from));
    for path in ["/signup", "/login"] {
        for number in 0..30 {
            // Somebody else each time, or the account's own limit would come first.
            let login = number.to_string();
            let fields = [("login", login.as_str()), ("password", "x")];
            hasty.post(path, &fields).await.with_status(422);
        }
        // Asked once, the database has said how long they have to wait.
        hasty.post(path, &tried).await.with_status(429);
    }
    server.stop();
    for path in ["/signup", "/login"] {
        let page = hasty.post(path, &tried).await.with_status(429);
        assert_eq!(page.header("retry-after"), Some("2"), "{path}");
        patient.post(path, &tried).await.with_status(503);
    }
    app.clock.advance(Duration::from_secs(2));
    hasty.post("/signup", &tried).await.with_status(503);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_count_together() {
    let database = TestDatabase::postgres();
    let apps = [guarded(&database).await, guarded(&database).await];
    for turn in 0..30 {
        let visitor = Visitor::new(&apps[turn % 2]).behind("192.0.2.1");
        visitor.post("/signup", &[]).await.with_status(422);
    }
    for app in &apps {
        let visitor = Visitor::new(app).behind("192.0.2.1");
        visitor.post("/signup", &[]).await.with_status(429);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_guarded_against_guesses_from_many_addresses() {
    let database = TestDatabase::sqlite();
    let app = guarded(&database).await;
    for guess in 0..10 {
        let visitor = Visitor::new(&app).behind(&format!("192.0.2.{guess}"));
        visitor
            .log_in("maria", "not the password")
            .await
            .with_status(422);
    }
    let visitor = Visitor::new(&app).behind("192.0.2.99");
    let page = visitor
        .log_in("maria", "not the password")
        .await
        .with_status(429);
    assert!(page.header("retry-after").is_some());
    visitor
        .log_in("joana", "not the password")
        .await
        .with_status(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_that_come_at_once_are_counted_each() {
    for database in TestDatabase::both() {
        let app = guarded(&database).await;
        let guess = async |n: usize| {
            let visitor = Visitor::new(&app).behind(&format!("192.0.2.{n}"));
            visitor.log_in("maria", "not the password").await.status
        };
        let answers = join_all((0..30).map(guess)).await;
        let judged = answers.iter().filter(|status| **status == 422).count();
        let refused = answers.iter().filter(|status| **status == 429).count();
        assert_eq!((judged, refused), (10, 20), "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_wrong_passwords_count_against_an_account() {
    for database in TestDatabase::both() {
        let app = guarded(&database).await;
        Visitor::new(&app).sign_up("maria").await;
        let log_in = async |n: usize, password| {
            let visitor = Visitor::new(&app).behind(&format!("192.0.2.{n}"));
            visitor.log_in("maria", password).await.status
        };
        for n in 0..9 {
            assert_eq!(log_in(n, "not the password").await, 422, "{database}");
        }
        for n in 0..20 {
            assert_eq!(log_in(n, PASSWORD).await, 303, "{database}");
        }
        assert_eq!(log_in(1, "not the password").await, 422, "{database}");
        assert_eq!(log_in(2, PASSWORD).await, 429, "{database}");
    }
}

/// Guesses from ten addresses, as often as an account allows.
async fn guess(app: &TestApp, login: &str) {
    for n in 0..10 {
        let visitor = Visitor::new(app).behind(&format!("192.0.2.{n}"));
        let page = visitor.log_in(login, "not the password").await;
        page.with_status(422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shut_out_of_their_own_browser_by_what_others_guess() {
    for database in TestDatabase::both() {
        let app = guarded(&database).await;
        let from = |address: &str| Visitor::new(&app).behind(address);
        let [hers, his] = [from("198.51.100.1"), from("198.51.100.2")];
        for (visitor, name) in [(&hers, "maria"), (&his, "bruno")] {
            visitor.sign_up(name).await;
            visitor.log_in(name, PASSWORD).await.with_status(303);
            visitor.post("/logout", &[]).await.with_status(303);
        }
        for login in ["maria", "maria@example.com"] {
            guess(&app, login).await;
            // A browser that only others know does not count.
            for stranger in [&his, &from("198.51.100.3")] {
                stranger.log_in(login, PASSWORD).await.with_status(429);
            }
            hers.log_in(login, PASSWORD).await.with_status(303);
        }

        // It is no way to guess on: it is counted, by itself.
        for _ in 0..10 {
            let page = hers.log_in("maria", "not the password").await;
            page.with_status(422);
        }
        hers.log_in("maria", PASSWORD).await.with_status(429);
        app.advance(Duration::from_secs(60));
        hers.log_in("maria", PASSWORD).await.with_status(303);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_known_for_half_a_year_and_no_longer_than_the_password() {
    for database in TestDatabase::both() {
        let app = guarded(&database).await;
        let browser = Visitor::new(&app).behind("198.51.100.1");
        browser.sign_up("maria").await;
        browser.log_in("maria", PASSWORD).await.with_status(303);
        let token = browser.cookie("cadastro_browser").expect("a token");
        browser.log_in("maria", PASSWORD).await.with_status(303);
        let newest = browser.cookie("cadastro_browser").expect("a token");
        guess(&app, "maria").await;
        // Each log-in gives another; whoever has an older one is a stranger.
        for (token, status) in [(token, 429), (newest.clone(), 303)] {
            let browser = Visitor::new(&app).behind("198.51.100.2");
            browser.keep("cadastro_browser", &token);
            let page = browser.log_in("maria", PASSWORD).await;
            page.with_status(status);
        }

        let user = app.store.users(None, 1).await.expect("users")[0].id;
        let login = Login::parse("maria").expect("a name");
        let stored = app.store.credentials(&login).await.expect("an answer");
        let hash = stored.expect("her account").password_hash;
        for forgotten in [true, false] {
            let browser = Visitor::new(&app).behind("198.51.100.3");
            app.advance(Duration::from_secs(3600));
            browser.log_in("maria", PASSWORD).await.with_status(303);
            match forgotten {
                true => app.store.set_password(user, &hash).await.expect("set"),
                false => app.advance(Duration::from_secs(181 * 24 * 3600)),
            }
            guess(&app, "maria").await;
            browser.log_in("maria", PASSWORD).await.with_status(429);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_be_called_counts_against_no_account() {
    let database = TestDatabase::sqlite();
    let app = guarded(&database).await;
    for (login, told) in [
        ("", "Enter your username or e-mail."),
        ("maria@", "Wrong username, e-mail or password."),
        ("ma\0ria", "Wrong username, e-mail or password."),
    ] {
        // One more than any account may be tried.
        for n in 0..11 {
            let visitor = Visitor::new(&app).behind(&format!("192.0.2.{n}"));
            let page = visitor.log_in(login, "anything").await.with_status(422);
            let summary = page.with_class("summary").next().expect("a summary");
            assert!(summary.text().contains(told), "{login:?} {n}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_anybody_may_write_is_not_believed() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_RATE_LIMIT", "on")
        .start()
        .await;
    for n in 0..30 {
        let visitor = Visitor::new(&app).behind(&format!("192.0.2.{n}"));
        visitor.post("/signup", &[]).await.with_status(422);
    }
    let visitor = Visitor::new(&app).behind("192.0.2.200");
    visitor.post("/signup", &[]).await.with_status(429);
}
