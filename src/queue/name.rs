//! What a queue may be called, and which work it takes.

use super::EMAIL;

/// How long a name may be: it is a label of metrics, and a column of tables.
const LONGEST: usize = 40;

/// The actors beside those of the queues, which bear their queue's name.
const TAKEN: [&str; 2] = ["registrar", "scheduler"];

/// Why a queue cannot be called so.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadName {
    #[error(
        "the name of a queue is snake_case, begins with a letter and has {LONGEST} characters at most"
    )]
    NotSnake,
    #[error("an actor has this name")]
    Taken,
}

/// The name, if a queue may have it.
pub fn queue_name(name: &str) -> Result<&str, BadName> {
    let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match name {
        _ if TAKEN.contains(&name) => Err(BadName::Taken),
        _ if name.len() > LONGEST || !name.chars().all(snake) => Err(BadName::NotSnake),
        _ if !name.starts_with(|c: char| c.is_ascii_lowercase()) => Err(BadName::NotSnake),
        _ => Ok(name),
    }
}

/// What a queue takes: letters live in `email` and nowhere else, tasks everywhere else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Takes {
    Letters,
    Tasks,
}

impl Takes {
    /// That of the queue of this name.
    pub fn of(queue: &str) -> Self {
        match queue == EMAIL {
            true => Takes::Letters,
            false => Takes::Tasks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_a_plain_name_that_no_other_actor_has() {
        for name in ["email", "task", "reports_2", "a"] {
            assert_eq!(queue_name(name), Ok(name));
        }
        for name in [
            "",
            "Reports",
            "re-ports",
            "2nd",
            "_x",
            "a b",
            &"a".repeat(41),
        ] {
            assert_eq!(queue_name(name), Err(BadName::NotSnake), "{name}");
        }
        assert_eq!(queue_name("scheduler"), Err(BadName::Taken));
    }

    #[test]
    fn only_letters_live_in_email() {
        assert_eq!(Takes::of("email"), Takes::Letters);
        assert_eq!(Takes::of("task"), Takes::Tasks);
        assert_eq!(Takes::of("reports"), Takes::Tasks);
    }
}
