//! Named steps at which a test lets the process die or the code fall.
//!
//! A program that is built with the feature `fail-points` obeys two variables; in any other, and so in
//! every release, passing a point does nothing. `FAIL_POINTS` says what happens where, in clauses
//! separated by semicolons:
//!
//! ```text
//! claim.after_commit@3=kill            the third passage kills the process
//! scheduler.turned@1-3=panic           the first three passages panic
//! handler.after_start(poison)=abort    every passage about something that holds this word aborts it
//! ```
//!
//! `FAIL_POINTS_PASSED` names a file in which every passage leaves a line.

use std::fmt::Display;

/// Passes a point.
#[inline(always)]
pub(crate) fn pass(point: &'static str) {
    pass_with(point, "");
}

/// Passes a point on the way of something that can be told from others.
#[inline(always)]
pub(crate) fn pass_with(point: &'static str, what: impl Display) {
    #[cfg(feature = "fail-points")]
    armed::pass(point, &what.to_string());
    #[cfg(not(feature = "fail-points"))]
    let _ = (point, what);
}

#[cfg(feature = "fail-points")]
mod armed {
    use std::{
        env,
        fs::{File, OpenOptions},
        hint::black_box,
        io::Write,
        ops::RangeInclusive,
        process,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
        thread,
    };

    use rustix::process::{Signal, getpid, kill_process};

    static CLAUSES: LazyLock<Vec<Clause>> = LazyLock::new(|| {
        let clauses = env::var("FAIL_POINTS").unwrap_or_default();
        let clauses = clauses.split(';').filter(|clause| !clause.is_empty());
        let read = |clause| Clause::read(clause).unwrap_or_else(|| panic!("unreadable: {clause}"));
        clauses.map(read).collect()
    });

    static PASSED: LazyLock<Option<File>> = LazyLock::new(|| {
        let path = env::var_os("FAIL_POINTS_PASSED")?;
        let file = OpenOptions::new().create(true).append(true).open(path);
        Some(file.expect("the file of passages can be written"))
    });

    pub(super) fn pass(point: &str, what: &str) {
        if let Some(mut file) = PASSED.as_ref() {
            // One write for the whole line: it is there even if the process dies right after.
            let line = format!("{point} {what}\n");
            file.write_all(line.as_bytes()).expect("a line of passage");
        }
        for clause in CLAUSES.iter() {
            if clause.is_met(point, what) {
                clause.act.now(point);
            }
        }
    }

    struct Clause {
        point: String,
        /// What a passage must be about to count.
        word: String,
        /// Counted from 1.
        passages: RangeInclusive<u64>,
        act: Act,
        passed: AtomicU64,
    }

    impl Clause {
        fn read(clause: &str) -> Option<Self> {
            let (place, act) = clause.split_once('=')?;
            let (place, passages) = match place.split_once('@') {
                None => (place, 1..=u64::MAX),
                Some((place, passages)) => {
                    let (first, last) = passages.split_once('-').unwrap_or((passages, passages));
                    (place, first.parse().ok()?..=last.parse().ok()?)
                }
            };
            let (point, word) = place.split_once('(').unwrap_or((place, ")"));
            Some(Clause {
                point: point.to_owned(),
                word: word.strip_suffix(')')?.to_owned(),
                passages,
                act: Act::read(act)?,
                passed: AtomicU64::new(0),
            })
        }

        fn is_met(&self, point: &str, what: &str) -> bool {
            self.point == point
                && what.contains(&self.word)
                && self
                    .passages
                    .contains(&(self.passed.fetch_add(1, Ordering::Relaxed) + 1))
        }
    }

    #[derive(Clone, Copy)]
    enum Act {
        Kill,
        Abort,
        Overflow,
        Panic,
    }

    impl Act {
        fn read(word: &str) -> Option<Self> {
            Some(match word {
                "kill" => Act::Kill,
                "abort" => Act::Abort,
                "overflow" => Act::Overflow,
                "panic" => Act::Panic,
                _ => return None,
            })
        }

        fn now(self, point: &str) {
            match self {
                Act::Kill => {
                    let killed = kill_process(getpid(), Signal::KILL);
                    killed.expect("whoever asks may kill itself");
                    loop {
                        thread::park();
                    }
                }
                Act::Abort => process::abort(),
                Act::Overflow => drop(deeper(0)),
                Act::Panic => panic!("the fail point {point} was passed"),
            }
        }
    }

    /// Has no end: each step keeps its place on the stack.
    #[expect(unconditional_recursion, reason = "it is to overflow the stack")]
    fn deeper(depth: u64) -> u64 {
        let place = black_box([depth; 128]);
        deeper(depth + 1) + black_box(place[0])
    }
}
