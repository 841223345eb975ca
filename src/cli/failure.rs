//! Why a command could not be done: one line, with what to do about it.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use super::output::printable;
use crate::{actors::AskError, app::AppError, store::StoreError, telemetry::TelemetryError};

/// What a command says instead of its answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No database could make this command line right.
    #[error("{0}")]
    Usage(String),
    /// As things stand, it cannot be done.
    #[error("{0}")]
    Refused(String),
    /// The program could not be built, or went down.
    #[error(transparent)]
    App(#[from] AppError),
    /// The program could not do what it was asked for.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The database had no answer.
    #[error("{0}; `cadastro check` tells more")]
    Store(#[from] StoreError),
    /// Nothing could be logged.
    #[error(transparent)]
    Log(#[from] TelemetryError),
    /// The answer could not be written, or the system refused something else.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
}

impl Failure {
    /// Tells the person, and the process that called us.
    pub fn tell(&self) -> ExitCode {
        let code = match self {
            // Whoever closed our output has read enough.
            Failure::System(error) if error.kind() == ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Failure::Usage(_) => 2,
            _ => 1,
        };
        // Where standard error is closed, the exit code is all that is left.
        let _ = writeln!(io::stderr(), "cadastro: {}", printable(&self.to_string()));
        ExitCode::from(code)
    }
}
