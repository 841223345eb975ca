//! One process at a time serves an SQLite file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use super::StoreError;

/// Held by the process that serves a file; ends with it, however it ends.
#[derive(Debug)]
pub struct Sole {
    _lock: File,
}

impl Sole {
    /// Takes the sole right to serve the database at `path`.
    ///
    /// The lock lies on a file of its own: SQLite has its own locks on the database, and the command
    /// line may read and write there while this process serves.
    pub fn claim(path: &Path) -> Result<Self, StoreError> {
        let lock = lock_path(path);
        let shown = lock.display();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock);
        let file = file
            .map_err(|error| StoreError::Unusable(format!("{shown} cannot be written: {error}")))?;
        match file.try_lock() {
            Ok(()) => Ok(Sole { _lock: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Unusable(format!(
                "another cadastro already serves {}; stop it first, or use postgres:// for several",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(StoreError::Unusable(format!(
                "{shown} cannot be locked: {error}"
            ))),
        }
    }
}

/// Beside the file itself, by whatever link it was reached.
fn lock_path(path: &Path) -> PathBuf {
    // A file that does not exist yet has no links.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut name = path.into_os_string();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_refused_until_the_first_has_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("cadastro.db");
        let first = Sole::claim(&path).expect("nobody serves yet");
        let refused = Sole::claim(&path).expect_err("somebody serves");
        assert!(refused.to_string().contains("already serves"), "{refused}");
        drop(first);
        Sole::claim(&path).expect("nobody serves any more");
    }

    #[test]
    fn a_file_is_the_same_by_whatever_link_it_is_reached() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("cadastro.db");
        File::create(&path).expect("a file");
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        let _first = Sole::claim(&path).expect("nobody serves yet");
        Sole::claim(&link).expect_err("somebody serves");
    }
}
