//! What a program may not bring along, and how it is told so at the start.

use cadastro::{
    app::Builder,
    jobs::{Context, Done, JobError, Task},
    queue::Job,
    store::Migrations,
    testing::TestApp,
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};

use super::program::ours;

async fn refused(settings: &[(&str, &str)], add: impl FnOnce(Builder) -> Builder) -> String {
    let started = TestApp::try_with(settings, add).await;
    started.err().expect("it is refused").to_string()
}

#[derive(RustEmbed)]
#[folder = "tests/embedding/wrong/one_language/"]
struct OneLanguage;

#[derive(RustEmbed)]
#[folder = "tests/embedding/wrong/taken_name/"]
struct TakenName;

#[derive(RustEmbed)]
#[folder = "tests/embedding/wrong/taken_sentence/"]
struct TakenSentence;

#[derive(RustEmbed)]
#[folder = "tests/embedding/wrong/unclosed_template/"]
struct UnclosedTemplate;

#[derive(RustEmbed)]
#[folder = "tests/embedding/wrong/unknown_sentence/"]
struct UnknownSentence;

#[tokio::test]
async fn a_template_that_is_none_is_refused_at_the_start() {
    let said = refused(&[], Builder::templates::<UnclosedTemplate>).await;
    let unread = "the template pages/unclosed cannot be read";
    assert!(said.contains(unread), "{said}");
}

#[tokio::test]
async fn a_template_that_asks_for_a_sentence_that_nobody_wrote_is_refused_at_the_start() {
    let said = refused(&[], Builder::templates::<UnknownSentence>).await;
    let asks = "the template pages/silent asks for the sentence `reminder.nobody_wrote_this`, which is missing in \
                templates/text/";
    assert!(said.contains(asks), "{said}");
}

#[tokio::test]
async fn a_sentence_that_one_language_lacks_is_refused_at_the_start() {
    let said = refused(&[], Builder::templates::<OneLanguage>).await;
    let lacks = "`email.reminder.subject` is missing in templates/text/pt-BR.toml";
    assert!(said.contains(lacks), "{said}");
}

#[tokio::test]
async fn a_template_or_a_sentence_that_is_there_already_is_refused_at_the_start() {
    let said = refused(&[], Builder::templates::<TakenName>).await;
    let taken = "templates/email/welcome_email.text.hbs is there twice";
    assert!(said.contains(taken), "{said}");
    let said = refused(&[], Builder::templates::<TakenSentence>).await;
    let taken = "the sentence `jobs.kind.welcome_email` is there twice";
    assert!(said.contains(taken), "{said}");
}

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

#[tokio::test]
async fn a_migration_whose_version_is_taken_is_refused_at_the_start() {
    let twice = |app: Builder| app.migrations(Migrations::new(SQLITE, POSTGRES));
    let said = refused(&[], twice).await;
    let taken = "2026-11-23-000001_create_accounts has a version that is taken";
    assert!(said.contains(taken), "{said}");
}

#[derive(Deserialize, Serialize)]
struct Impostor {}

impl Job for Impostor {
    const KIND: &'static str = "reminder";
}

impl Task for Impostor {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        Ok(Done::default())
    }
}

#[tokio::test]
async fn a_second_job_of_the_same_name_is_refused_at_the_start() {
    let twice = |app| ours(app).jobs(|jobs| jobs.task::<Impostor>());
    let said = refused(&[], twice).await;
    assert!(said.contains("called `reminder`"), "{said}");
}

#[tokio::test]
async fn a_job_with_secrets_is_refused_at_the_start_without_a_key() {
    let said = refused(&[("CADASTRO_SECRET_KEY", "")], ours).await;
    assert!(said.contains("`subscribe` has secret arguments"), "{said}");
    assert!(said.contains("--secret-key"), "{said}");
}
