//! A program of its own: cadastro, with two more jobs, their words and a table.

pub mod reminder;
pub mod subscribe;

use std::process::ExitCode;

use cadastro::{app::Builder, store::Migrations};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rust_embed::RustEmbed;

fn main() -> ExitCode {
    cadastro::cli::run(ours)
}

/// What it has beyond cadastro; the tests start with the same.
pub fn ours(app: Builder) -> Builder {
    app.jobs(|jobs| {
        jobs.letter::<reminder::Reminder>()
            .task::<subscribe::Subscribe>()
    })
    .templates::<Templates>()
    .migrations(Migrations::new(SQLITE, POSTGRES))
}

#[derive(RustEmbed)]
#[folder = "tests/embedding/templates/"]
pub struct Templates;

const SQLITE: EmbeddedMigrations = embed_migrations!("tests/embedding/migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("tests/embedding/migrations/postgres");
