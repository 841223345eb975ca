//! The labels that are known before anything happens. They have their samples from the start: a counter that
//! appears with its first event hides that event from whoever asks for a rate.

use super::{Metrics, record::of_job};

impl Metrics {
    pub(super) fn know_signups(&self) {
        for outcome in ["created", "invalid", "duplicate", "throttled", "error"] {
            let label = [("outcome", outcome.to_owned())];
            self.signups.get_or_create_owned(&label);
        }
    }

    /// There is this actor, which may fall for these reasons.
    pub fn know_actor(&self, actor: &str, reasons: &[&str]) {
        for reason in reasons {
            let labels = [
                ("actor", actor.to_owned()),
                ("reason", (*reason).to_owned()),
            ];
            self.actor_restarts.get_or_create_owned(&labels);
        }
    }

    /// There is this kind of job, whose attempts may end so.
    pub fn know_job(&self, queue: &str, kind: &str, outcomes: &[&str]) {
        let [queue, kind] = of_job(queue, kind);
        let labels = [queue.clone(), kind.clone()];
        self.job_lateness.get_or_create_owned(&labels);
        self.job_duration.get_or_create_owned(&labels);
        for outcome in outcomes {
            let outcome = ("outcome", (*outcome).to_owned());
            let labels = [queue.clone(), kind.clone(), outcome];
            self.jobs_finished.get_or_create_owned(&labels);
        }
    }

    /// There is this kind of letter, which may be answered so.
    pub fn know_letter(&self, kind: &str, results: &[&str]) {
        for result in results {
            let labels = [("kind", kind.to_owned()), ("result", (*result).to_owned())];
            self.emails.get_or_create_owned(&labels);
        }
    }

    /// Questions to the database may fail in these ways.
    pub fn know_db_errors(&self, classes: &[&str]) {
        for class in classes {
            let label = [("class", (*class).to_owned())];
            self.db_errors.get_or_create_owned(&label);
        }
    }
}
