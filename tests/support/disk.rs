//! A disk of its own for a program, small enough to be filled; and a program that permissions bind.
//!
//! The disk is mounted where only that program sees it, and goes with it.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{
    database::TestDatabase,
    program::{self, Program},
};

/// Some times what a fresh database takes.
const SIZE: &str = "4m";

/// Mounts the disk and becomes the program.
const MOUNT: &str = r#"
mount -t tmpfs -o "size=$1" cadastro "$2" && exec "$0"
echo 'no disk could be mounted: be root, or let users have namespaces' >&2
exit 1
"#;

/// A program with its SQLite file on a disk of its own.
pub struct OnSmallDisk {
    pub program: Program,
    folder: TempDir,
}

impl OnSmallDisk {
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder to mount on");
        let database = folder.path().join("cadastro.db");
        let database = TestDatabase::at(format!("sqlite://{}", database.display()));
        let mut unshare = program::command("unshare", &database, settings);
        unshare.args(["--mount", "--map-root-user", "sh", "-c", MOUNT]);
        unshare.args([program::BINARY, SIZE]).arg(folder.path());
        let program = Program::ready(unshare);
        OnSmallDisk { program, folder }
    }

    /// The database as a power cut at this moment would leave it.
    pub fn as_after_a_power_cut(&self) -> TestDatabase {
        let copy = TestDatabase::sqlite();
        let to = copy.url().strip_prefix("sqlite://").expect("a file");
        self.program.signal("STOP");
        let status = format!("/proc/{}/status", self.program.pid());
        while !fs::read_to_string(&status).is_ok_and(|status| status.contains("(stopped)")) {
            std::thread::yield_now();
        }
        for part in ["", "-wal"] {
            let from = self.path(&format!("cadastro.db{part}"));
            fs::copy(from, format!("{to}{part}")).expect("it can be read");
        }
        self.program.signal("CONT");
        copy
    }

    /// Leaves no room on the disk.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("room for a name");
        let block = [0; 4096];
        while ballast.write_all(&block).is_ok() {}
    }

    /// Makes room again.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("it was full");
    }

    fn ballast(&self) -> PathBuf {
        self.path("ballast")
    }

    fn path(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.program.pid());
        let folder = self
            .folder
            .path()
            .strip_prefix("/")
            .expect("an absolute path");
        Path::new(&root).join(folder).join(name)
    }
}

/// What starts the program so that permissions count for it, even where we are root.
pub fn bound_by_permissions(database: &TestDatabase, settings: &[(&str, &str)]) -> Command {
    let we_are_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !we_are_root {
        return program::command(program::BINARY, database, settings);
    }
    let mut setpriv = program::command("setpriv", database, settings);
    let all_but_these = "-dac_override,-dac_read_search";
    setpriv.args(["--bounding-set", all_but_these, program::BINARY]);
    setpriv
}
