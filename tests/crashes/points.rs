//! Where the process dies, and what it is doing then.

use cadastro::queue::{EMAIL, TASK};

/// What happens on the stage until the process dies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scene {
    /// People sign up.
    SignUp,
    /// The jobs of this queue begin, all at once, after everybody has signed up.
    Work(&'static str),
    /// Two long tasks are under way.
    Heartbeat,
    /// A process that died has left two tasks, and the next one starts.
    Rescue,
    /// The program has been replaced by one with a further migration.
    Migration,
}

impl Scene {
    /// At which passage the process dies, from run to run: the later ones find something done already.
    pub fn passages(self) -> &'static [u64] {
        match self {
            // Whoever is first signs up alone, and the others share a commit.
            Scene::SignUp => &[2, 1],
            Scene::Work(_) => &[3, 1, 2],
            Scene::Heartbeat | Scene::Rescue | Scene::Migration => &[1],
        }
    }
}

/// A fail point and its scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub name: &'static str,
    /// As the table names it.
    pub told: &'static str,
    pub scene: Scene,
    /// The letter goes twice, as promised: it was handed over, and our record of that was not committed.
    pub twice: bool,
}

const fn at(name: &'static str, scene: Scene, told: &'static str) -> Point {
    Point {
        name,
        told,
        scene,
        twice: false,
    }
}

const fn twice(name: &'static str, told: &'static str) -> Point {
    Point {
        twice: true,
        ..at(name, Scene::Work(EMAIL), told)
    }
}

const SIGN_UP: Scene = Scene::SignUp;
const LETTER: Scene = Scene::Work(EMAIL);
const TASKS: Scene = Scene::Work(TASK);
const BEAT: Scene = Scene::Heartbeat;
const RESCUE: Scene = Scene::Rescue;
const MIGRATION: Scene = Scene::Migration;

pub const POINTS: [Point; 31] = [
    at(
        "sign_up.before_user",
        SIGN_UP,
        "sign-up: before the user's row",
    ),
    at(
        "sign_up.after_user",
        SIGN_UP,
        "sign-up: after the user's row",
    ),
    at(
        "sign_up.before_commit",
        SIGN_UP,
        "sign-up: before the commit",
    ),
    at(
        "sign_up.after_commit",
        SIGN_UP,
        "sign-up: after the commit, unanswered",
    ),
    at(
        "claim.before_commit",
        TASKS,
        "claim of tasks: before the commit",
    ),
    at(
        "claim.after_commit(JobRow)",
        TASKS,
        "claim of tasks: after the commit",
    ),
    at(
        "claim.before_commit",
        LETTER,
        "claim of a letter: before the commit",
    ),
    at(
        "claim.after_commit(JobRow)",
        LETTER,
        "claim of a letter: after the commit",
    ),
    at(
        "handler.before_start",
        TASKS,
        "task: before its code starts",
    ),
    at(
        "handler.after_start",
        TASKS,
        "task: after its code has started",
    ),
    at("handler.middle", TASKS, "task: in its middle"),
    at(
        "handler.before_start",
        LETTER,
        "letter: before its code starts",
    ),
    at(
        "handler.after_start",
        LETTER,
        "letter: after its code has started",
    ),
    at("handler.middle", LETTER, "letter: composed, not sent"),
    at(
        "wire.before_write(\\r\\n.\\r\\n)",
        LETTER,
        "letter: sent but for the last dot",
    ),
    twice(
        "wire.after_write(\\r\\n.\\r\\n)",
        "letter: handed over, the 250 unread",
    ),
    twice("letter.after_250", "letter: the 250 read"),
    twice("settle.before_commit", "end of a letter: before the commit"),
    at(
        "settle.after_commit",
        LETTER,
        "end of a letter: after the commit",
    ),
    at(
        "settle.before_commit",
        TASKS,
        "end of tasks: before the commit",
    ),
    at(
        "settle.after_commit",
        TASKS,
        "end of tasks: after the commit",
    ),
    at("heartbeat.before", BEAT, "heartbeat: before it"),
    at("heartbeat.after", BEAT, "heartbeat: after it"),
    at(
        "enter.before",
        RESCUE,
        "next start: before the instance enters",
    ),
    at(
        "enter.after",
        RESCUE,
        "next start: entered beside the dead one",
    ),
    at(
        "strike_out.after",
        RESCUE,
        "next start: the dead one struck out",
    ),
    at(
        "settle.before_commit(Rescued)",
        RESCUE,
        "rescue of tasks: before the commit",
    ),
    at(
        "settle.after_commit(Rescued)",
        RESCUE,
        "rescue of tasks: after the commit",
    ),
    at("migration.before", MIGRATION, "migration: before it"),
    at(
        "migration.before_commit",
        MIGRATION,
        "migration: before its commit",
    ),
    at("migration.after", MIGRATION, "migration: after its commit"),
];
