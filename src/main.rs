//! Hands the command line to `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cadastro::cli::run(|app| app)
}
