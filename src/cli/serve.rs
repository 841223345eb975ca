//! `cadastro serve`: the server itself.

use std::io::{self, Write};

use clap::Command;

use super::Failure;
use crate::{
    app::{self, Builder},
    telemetry,
};

pub(super) fn arguments() -> Command {
    Command::new("serve")
        .about("Serve the web and do the jobs; what `cadastro` alone does")
        .long_about(
            "Applies pending migrations, starts the actors and serves the web until SIGTERM or SIGINT. \
             Running attempts may then end within --shutdown-grace; a second signal ends all at once.",
        )
}

/// Serves, and says where once it does.
pub(super) fn run(app: Builder) -> Result<(), Failure> {
    let served = app::run(app, |base_url, address| {
        let base_url = base_url.as_str().trim_end_matches('/');
        let ready = format!("cadastro is ready: {base_url}/signup (listening on {address})");
        // Nobody need read it: the log says so too.
        let _ = writeln!(io::stdout(), "{ready}");
    });
    telemetry::flush();
    Ok(served?)
}
