//! Encryption on the way to PostgreSQL, and to whom.

use cadastro::{
    metrics::Metrics,
    store::{PoolSize, Store, StoreError},
};

use crate::support::{certificate::Certificate, database::PostgresServer};

async fn ask(url: &str) -> Result<(), StoreError> {
    let store = Store::postgres(url, PoolSize(1), Metrics::new("postgres"))?;
    store.ping().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_encrypts_is_checked_as_far_as_the_url_asks() {
    let certificate = Certificate::for_localhost();
    let server = PostgresServer::with_tls(&certificate);
    let url = server.database();
    let trusted = certificate.file().display().to_string();
    let stranger = Certificate::for_localhost();
    let untrusted = stranger.file().display().to_string();

    for works in [
        url.clone(),
        format!("{url}?sslmode=require"),
        format!("{url}?sslmode=verify-full&sslrootcert={trusted}"),
        format!("{url}?sslmode=disable"),
    ] {
        ask(&works)
            .await
            .unwrap_or_else(|error| panic!("{works}: {error}"));
    }
    for refused in [
        format!("{url}?sslmode=verify-full"),
        format!("{url}?sslmode=verify-full&sslrootcert={untrusted}"),
        format!("{url}?sslmode=require&sslrootcert={untrusted}"),
    ] {
        let error = ask(&refused).await.expect_err(&refused).to_string();
        assert!(error.contains("certificate"), "{refused}: {error}");
    }
    let other_name = Certificate::for_names(&["db.example.org"]);
    let server = PostgresServer::with_tls(&other_name);
    let roots = other_name.file().display().to_string();
    let misnamed = format!(
        "{}?sslmode=verify-full&sslrootcert={roots}",
        server.database()
    );
    let error = ask(&misnamed)
        .await
        .expect_err("the name differs")
        .to_string();
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_encrypt_is_refused_where_the_url_insists() {
    let server = PostgresServer::new();
    let url = server.database();
    ask(&url).await.expect("prefer takes what there is");
    let error = ask(&format!("{url}?sslmode=require")).await;
    assert!(matches!(error, Err(StoreError::Away(_))), "{error:?}");
}
