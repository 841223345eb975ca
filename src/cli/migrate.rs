//! `cadastro migrate`: brings the database up to date.

use std::io::Write;

use clap::Command;

use super::Failure;
use crate::app::Builder;

pub(super) fn arguments() -> Command {
    Command::new("migrate")
        .about("Bring the database up to date and exit")
        .long_about("Applies pending migrations, prints their names and exits. `serve` does so too, before it serves.")
}

/// Applies what is pending.
pub(super) async fn run(app: &Builder, out: &mut dyn Write) -> Result<(), Failure> {
    let store = app.store()?;
    let applied = store.migrate().await?;
    if applied.is_empty() {
        writeln!(out, "nothing to do")?;
    }
    for migration in applied {
        writeln!(out, "{migration}")?;
    }
    Ok(())
}
