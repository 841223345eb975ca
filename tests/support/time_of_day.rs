//! A time of day that a test can set, for one program alone: libfaketime stands between it and the
//! machine's. How long the machine has been up stays as it is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    database::TestDatabase,
    program::{self, Program},
};

/// A program by whose clock it is as late as the test says.
pub struct InItsOwnTime {
    pub program: Program,
    folder: TempDir,
}

impl InItsOwnTime {
    /// At first it has the machine's time.
    pub fn start(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the time");
        let time = folder.path().join("time");
        set(&time, "+0");
        let mut command = program::command(program::BINARY, database, settings);
        command
            .env("LD_PRELOAD", library())
            .env("FAKETIME_TIMESTAMP_FILE", &time)
            // Read anew whenever the program looks at the clock.
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
        let program = Program::ready(command);
        InItsOwnTime { program, folder }
    }

    /// Sets its time of day so far from the machine's, as in `+1d` or `-1h`.
    pub fn leap(&self, by: &str) {
        set(&self.folder.path().join("time"), by);
    }
}

/// In one step, so that nobody reads half of it.
fn set(file: &Path, offset: &str) {
    let new = file.with_extension("new");
    fs::write(&new, offset).expect("it can be written");
    fs::rename(&new, file).expect("it can be replaced");
}

fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime is missing: apt-get install faketime")
}
