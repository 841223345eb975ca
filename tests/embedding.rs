//! A program that embeds cadastro, with jobs, words and tables of its own: the one that README shows.

#[allow(dead_code, reason = "its `main` is called where it is a program")]
#[path = "embedding/main.rs"]
mod program;
mod wrong;

use std::{
    fs,
    path::{Path, PathBuf},
};

use cadastro::{
    account::UserId,
    queue::State,
    testing::TestApp,
    text::{Locale, Templates, Text},
};
use diesel::QueryDsl;
use diesel_async::RunQueryDsl;
use program::subscribe::subscriptions;
pub use program::{ours, subscribe::Subscribe};
use serde_json::json;

use crate::{cli::Terminal, support::database::TestDatabase};

/// The program that cargo makes of `tests/embedding/main.rs`.
pub fn binary() -> PathBuf {
    let cadastro = Path::new(env!("CARGO_BIN_EXE_cadastro"));
    cadastro.with_file_name("examples").join("embedding")
}

/// A job of it whose door opens with this token.
pub fn subscription(user: i64, token: &str) -> Subscribe {
    Subscribe {
        user: UserId(user),
        token: token.to_owned(),
    }
}

#[test]
fn the_readme_shows_the_program_that_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("a README");
    for (file, language) in [
        ("main.rs", "rust"),
        ("reminder.rs", "rust"),
        ("subscribe.rs", "rust"),
        ("templates/email/reminder.html.hbs", "handlebars"),
        ("templates/email/reminder.text.hbs", "handlebars"),
        ("templates/text/en.toml", "toml"),
    ] {
        let path = root.join("tests/embedding").join(file);
        let text = fs::read_to_string(path).expect(file);
        let block = format!("```{language}\n{text}```\n");
        assert!(readme.contains(&block), "README.md shows another {file}");
    }
}

#[tokio::test]
async fn a_task_keeps_rows_in_a_table_of_its_own_on_every_database() {
    let [sqlite, postgres] = TestDatabase::both_bare();
    let in_memory: &[(&str, &str)] = &[];
    for settings in [
        in_memory,
        &[("DATABASE_URL", sqlite.url())],
        &[("DATABASE_URL", postgres.url())],
    ] {
        let app = TestApp::with(settings, ours).await;
        let user = app.user("maria").await;
        let job = subscription(user.0, "tulip");
        let begun = app.now().as_microsecond();
        for _ in 0..2 {
            let ran = app.run(&job).await;
            assert_eq!(ran.row.state, State::Completed, "{settings:?} {ran:?}");
        }
        let rows: Vec<(i64, i64)> = cadastro::read!(app.store, |c| subscriptions::table
            .select((subscriptions::user_id, subscriptions::since))
            .load(c)
            .await)
        .expect("the database answers");
        assert_eq!(rows, [(user.0, begun)], "{settings:?}");

        let refused = app.run(&subscription(user.0, "rose")).await;
        assert_eq!(refused.row.state, State::Discarded);
        let error = "the newsletter refuses this token";
        assert_eq!(refused.error.as_deref(), Some(error));
    }
}

#[test]
fn every_command_knows_the_jobs_and_the_tables_of_the_program() {
    for database in TestDatabase::both_bare() {
        let own = "2027-01-15-000001_create_subscriptions";
        let terminal = Terminal::of(binary())
            .with("DATABASE_URL", database.url())
            .with("CADASTRO_SECRET_KEY", &"42".repeat(32));
        let applied = terminal.say("migrate").done();
        assert_eq!(applied.lines().last(), Some(own), "{applied}");
        assert_eq!(terminal.say("migrate").done(), "nothing to do\n");

        let enqueued = terminal.say(r#"jobs enqueue reminder {"user":1} --json"#);
        assert_eq!(enqueued.json()["queue"], "email");
        let unknown = terminal.say("jobs enqueue newsletter").refused(2);
        assert!(
            unknown.contains("reminder, simple_task, subscribe"),
            "{unknown}"
        );
        let wrong = terminal.say(r#"jobs enqueue reminder {"user":"maria"}"#);
        let wrong = wrong.refused(2);
        assert!(wrong.contains("do not fit `reminder`"), "{wrong}");

        // cadastro itself leaves alone what it does not know.
        let cadastro = Terminal::at(&database);
        let list = cadastro.say("jobs list --json").json();
        assert_eq!(list["jobs"][0]["kind"], json!("reminder"));
    }
}

#[tokio::test]
async fn the_words_of_the_program_stand_beside_ours_in_both_languages() {
    let app = TestApp::start(ours).await;
    let user = app.user("maria").await;
    let ran = app.run(&program::reminder::Reminder { user }).await;
    assert_eq!(ran.row.state, State::Completed, "{ran:?}");
    let letters = app.letters().await;
    assert!(letters[0].html.contains("/login"), "{}", letters[0].html);
    assert_eq!(letters[0].subject, "We miss you");
    let text = Text::with(&[Templates::of::<program::Templates>()]).expect("they agree");
    let title = |locale| text.sentence(locale, "jobs.kind.reminder", &[]);
    let titles = [Locale::PtBr, Locale::En].map(title);
    assert_eq!(titles, ["Lembrete", "Reminder"]);
}
