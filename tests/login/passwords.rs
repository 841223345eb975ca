//! The hash of a password: what it costs changes with the times.

use cadastro::account::Login;

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{PASSWORD, Visitor},
};

/// What is stored of maria's password.
async fn stored(app: &TestApp) -> String {
    let login = Login::parse("maria").expect("a name");
    let found = app.store.credentials(&login).await.expect("an answer");
    found.expect("she has an account").password_hash
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_brings_the_hash_to_todays_cost() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        Visitor::new(&app).sign_up("maria").await;
        let first = stored(&app).await;
        assert!(first.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{first}");
        app.stop();

        let app = TestApp::builder(&database).set("CADASTRO_PASSWORD_HASH", "m=16,t=2,p=1");
        let app = app.start().await;
        let visitor = Visitor::new(&app);
        let wrong = visitor.log_in("maria", "not the password").await;
        wrong.with_status(422);
        assert_eq!(stored(&app).await, first, "{database}");
        visitor.log_in("maria", PASSWORD).await.with_status(303);
        let renewed = stored(&app).await;
        assert!(
            renewed.starts_with("$argon2id$v=19$m=16,t=2,p=1$"),
            "{renewed}"
        );
        visitor.log_in("maria", PASSWORD).await.with_status(303);
        assert_eq!(stored(&app).await, renewed, "{database}");
    }
}
