//! Requests that mean no good: from other sites, too large, too slow. And what must not be given away.

use std::time::Duration;

use reqwest::{
    Method,
    header::{HOST, HeaderName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    recovery::{QUICK, jobs},
    support::{
        app::TestApp,
        database::TestDatabase,
        program::{Program, sign_up, watch},
        smtp::{Do, SmtpServer, Step},
        visitor::{TOKEN, Visitor, filled},
    },
};

/// How long a test waits for a signal before it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_site_is_refused_at_every_door() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    for path in [
        "/signup",
        "/login",
        "/logout",
        "/language",
        "/api/v1/signups",
        "/api/v1/jobs",
    ] {
        for (header, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let request = visitor.request(Method::POST, path).header(header, value);
            let page = visitor.send(request).await;
            assert_eq!(page.status, 403, "{path} {header}: {value}");
        }
    }
    // A program sends neither header, and is let in.
    let request =
        visitor
            .request(Method::POST, "/signup")
            .form(&filled("maria", "m@example.com", ""));
    assert_eq!(visitor.send(request).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let form = visitor.get("/signup").await;
    let asset = form
        .named("link")
        .find_map(|link| link.get("href"))
        .expect("an asset")
        .to_owned();
    for path in [
        "/",
        "/signup",
        "/login",
        "/nothing",
        "/healthz",
        "/api/v1/jobs",
        asset.as_str(),
    ] {
        let page = visitor.get(path).await;
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(
            page.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert!(page.header("referrer-policy").is_some(), "{path}");
    }
    let cached = visitor.get(&asset).await;
    assert!(
        cached
            .header("cache-control")
            .is_some_and(|cache| cache.contains("immutable"))
    );
    assert_eq!(form.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_or_makes_no_sense_is_refused() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let long = "a".repeat(100_000);
    let page = visitor
        .post("/signup", &filled(&long, "m@example.com", ""))
        .await;
    assert_eq!(page.status, 413);
    let json = |body: &str| {
        let request = visitor.request(Method::POST, "/api/v1/signups");
        visitor.send(
            request
                .header("content-type", "application/json")
                .body(body.to_owned()),
        )
    };
    assert_eq!(
        json(&format!("{{\"username\": \"{long}\"}}")).await.status,
        413
    );
    let broken = json("{\"username\": ").await;
    assert_eq!(broken.status, 400);
    assert_eq!(
        broken.header("content-type"),
        Some("application/problem+json")
    );
    let request = visitor.request(Method::DELETE, "/signup");
    let refused = visitor.send(request).await.with_status(405);
    assert!(
        refused
            .header("allow")
            .is_some_and(|allow| allow.contains("POST"))
    );
}

/// Sends the beginning of a request and never the rest; gives what is answered before the connection is closed.
async fn begun(app: &TestApp, request: &str) -> String {
    let address = app.url.strip_prefix("http://").expect("an address");
    let mut connection = TcpStream::connect(address).await.expect("it listens");
    let sent = connection.write_all(request.as_bytes()).await;
    sent.expect("it is read");
    let answer = tokio::spawn(async move {
        let mut answer = Vec::new();
        let read = connection.read_to_end(&mut answer).await;
        read.map(|_| answer)
    });
    let closed = tokio::time::timeout(PATIENCE, async {
        // When the server begins to wait for the rest cannot be seen from here.
        while !answer.is_finished() {
            app.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    });
    closed.await.expect("the connection is closed");
    let answer = answer.await.expect("it ended").expect("it could be read");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_arrives_whole_is_not_waited_for() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let json = "Content-Type: application/json\r\n";
    let counted = "Content-Length: 100\r\n\r\nusername=";
    let in_chunks = "Transfer-Encoding: chunked\r\n\r\n9\r\nusername=\r\n";
    for (request, kind, status) in [
        ("POST /signup", form, 408),
        ("POST /login", form, 408),
        ("POST /api/v1/signups", json, 408),
        // Where nobody reads it, it is not waited for at all.
        ("POST /logout", form, 303),
        ("POST /nothing", form, 404),
        ("GET /", form, 200),
    ] {
        for body in [counted, in_chunks] {
            let head = format!(
                "{request} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip, identity;q=0\r\n"
            );
            let answer = begun(&app, &format!("{head}{kind}{body}")).await;
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&expected), "{request} {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_this_machine_and_for_operators() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
        .set("CADASTRO_TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await;
    Visitor::new(&app).get("/metrics").await.with_status(200);
    let elsewhere = Visitor::new(&app).behind("192.0.2.1");
    elsewhere.get("/metrics").await.with_status(401);
    Visitor::operator(&app)
        .behind("192.0.2.1")
        .get("/metrics")
        .await
        .with_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_names_the_recipient_puts_no_address_into_the_log() {
    let smtp = SmtpServer::start().await;
    let refusal = "550 5.1.1 <maria@example.com> is unknown here";
    smtp.always(Step::Rcpt, Do::Reply(refusal));
    let database = TestDatabase::sqlite();
    let url = smtp.url();
    let settings = [QUICK.as_slice(), &[("SMTP_URL", url.as_str())]].concat();
    let program = Program::start(&database, &settings);
    let receipt = sign_up(&program, "maria").await;
    let discarded = |jobs: &str| jobs.contains("data-state=\"discarded\"");
    watch(&program, &receipt, discarded).await;
    let letter = jobs(&database, &receipt).await.remove(0);
    let attempts = database.store().attempts(letter.id).await;
    let kept = attempts.expect("the database answers").remove(0).error;
    assert!(kept.is_some_and(|error| error.contains("maria@example.com")));
    let log = program.log();
    assert!(log.contains("a job was discarded"), "{log}");
    assert!(!log.contains("maria@"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_on_this_machine_hands_on_comes_from_elsewhere() {
    let traces = [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("via", "1.1 proxy"),
    ];
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
        .set("CADASTRO_BASE_URL", "https://cadastro.example")
        .start()
        .await;
    let here = Visitor::new(&app);
    here.get("/metrics").await.with_status(200);
    here.get("/dev/mailbox").await.with_status(200);
    let handed_on = traces.map(|(name, value)| {
        let name = HeaderName::from_static(name);
        Visitor::new(&app).with(name, value)
    });
    // One that leaves no trace, but lets the name through by which visitors call us.
    let by_name = Visitor::new(&app).with(HOST, "cadastro.example");
    for visitor in handed_on.into_iter().chain([by_name]) {
        visitor.get("/metrics").await.with_status(401);
        for path in ["/dev/mailbox", "/dev/mailbox/1", "/dev/mailbox/1/raw"] {
            visitor.get(path).await.with_status(404);
        }
    }
    let operator = Visitor::operator(&app).behind("203.0.113.7");
    operator.get("/metrics").await.with_status(200);
}
