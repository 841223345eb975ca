//! What has come into the table here, of which a turn need not read the table to know.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{queue::State, store::JobRow};

/// Where jobs were enqueued that can be claimed, and when others fall due.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pub queues: BTreeSet<String>,
    pub due: Vec<Timestamp>,
}

impl Fresh {
    /// What there is to know of jobs that were enqueued, of which some may have been there before.
    pub(super) fn of<'a>(jobs: impl IntoIterator<Item = &'a JobRow>) -> Self {
        let mut fresh = Fresh::default();
        for job in jobs {
            match job.state {
                State::Available if !fresh.queues.contains(&job.queue) => {
                    fresh.queues.insert(job.queue.clone());
                }
                State::Scheduled | State::Retryable => fresh.due.push(job.run_at),
                _ => {}
            }
        }
        fresh
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.due.is_empty()
    }

    /// Takes in what was enqueued after it.
    pub(super) fn extend(&mut self, more: Fresh) {
        self.queues.extend(more.queues);
        self.due.extend(more.due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(queue: &str, state: State) -> JobRow {
        JobRow {
            queue: queue.to_owned(),
            ..JobRow::sample(state)
        }
    }

    #[test]
    fn what_can_be_claimed_is_known_by_its_queue_and_the_rest_by_its_instant() {
        let jobs = [
            job("one", State::Available),
            job("one", State::Available),
            job("two", State::Scheduled),
            job("three", State::Retryable),
            job("four", State::Executing),
            job("five", State::Completed),
        ];
        let mut fresh = Fresh::of(&jobs);
        assert_eq!(fresh.queues, ["one".to_owned()].into());
        assert_eq!(fresh.due, [jobs[2].run_at, jobs[3].run_at]);
        fresh.extend(Fresh::of(&[job("six", State::Available)]));
        assert_eq!(fresh.queues, ["one".to_owned(), "six".to_owned()].into());
        assert!(!fresh.is_empty());
        assert!(Fresh::of(&jobs[4..]).is_empty());
    }
}
