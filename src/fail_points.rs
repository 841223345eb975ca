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

/// Passes a point; what follows its name, as in `format!`, tells what is on its way there.
///
/// A macro, so that without the feature not even the name is left.
macro_rules! pass {
    ($point:literal) => {
        $crate::fail_points::pass!($point, "")
    };
    ($point:literal, $($what:tt)+) => {
        #[cfg(feature = "fail-points")]
        $crate::fail_points::armed::pass($point, &format_args!($($what)+).to_string());
    };
}
pub(crate) use pass;

#[cfg(feature = "fail-points")]
pub(crate) mod armed {
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

    use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

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

    pub(crate) fn pass(point: &str, what: &str) {
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
        Exhaust,
        Panic,
    }

    impl Act {
        fn read(word: &str) -> Option<Self> {
            Some(match word {
                "kill" => Act::Kill,
                "abort" => Act::Abort,
                "overflow" => Act::Overflow,
                "exhaust" => Act::Exhaust,
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
                Act::Exhaust => exhaust(),
                Act::Panic => panic!("the fail point {point} was passed"),
            }
        }
    }

    /// Asks for memory until there is none; of the machine's it takes no more than the process has already.
    fn exhaust() {
        let nothing_more = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        setrlimit(Resource::As, nothing_more).expect("whoever asks may have less");
        let mut kept = Vec::new();
        loop {
            kept.push(black_box(vec![1_u8; 1 << 16]));
        }
    }

    /// Has no end: each step keeps its place on the stack.
    #[expect(unconditional_recursion, reason = "it is to overflow the stack")]
    fn deeper(depth: u64) -> u64 {
        let place = black_box([depth; 128]);
        deeper(depth + 1) + black_box(place[0])
    }
}
