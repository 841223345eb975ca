//! schemathesis, the judge of the API: where `tests/run` puts it, and how it is asked.

use std::{
    path::Path,
    process::{Command, Output},
};

/// Kept out of the project: `tests/run` takes it from the Python registry.
const PATH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/schemathesis/bin/schemathesis"
);

const SETTINGS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/openapi/schemathesis.toml"
);

/// Sends so many requests at most to each operation of the document at `url`, beside those that try each of its
/// limits once, and compares the answers with it. `folder` is where it may leave things.
pub fn judge(url: &str, token: &str, receipt: &str, examples: u32, folder: &Path) -> Output {
    let mut command = Command::new(PATH);
    command
        .args(["--config-file", SETTINGS, "run", url, "--no-color"])
        .args(["--max-examples", &examples.to_string()])
        .env("TOKEN", token)
        .env("RECEIPT", receipt)
        .current_dir(folder);
    command
        .output()
        .unwrap_or_else(|error| panic!("schemathesis is missing ({error}): run tests/run"))
}
