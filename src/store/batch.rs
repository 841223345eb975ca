//! Which of the jobs that are enqueued together are new, and which met another that holds their key.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{StoreError, rows::RawJob};
use crate::queue::{Edit, NewJob};

/// Jobs on their way into the table. The questions are put by `insert_jobs!`; what follows from the answers is
/// told here.
pub(super) struct Batch<'a> {
    jobs: &'a [NewJob],
    /// The key of each job, if it has one.
    keys: Vec<Option<String>>,
    /// The jobs of each key, in the order in which they were given.
    rivals: BTreeMap<String, Vec<&'a NewJob>>,
    /// The rows of the jobs without a key.
    plain: Vec<RawJob>,
    /// The row that holds a key, as it stands now.
    held: BTreeMap<String, RawJob>,
    /// The keys whose row is one of this batch.
    made: BTreeSet<String>,
}

impl<'a> Batch<'a> {
    /// `sealed` are the same jobs as they are written. Their keys are made of what was given: no secret looks the
    /// same twice once it is sealed.
    pub(super) fn of(given: &[NewJob], sealed: &'a [NewJob], now: Timestamp) -> Self {
        let key = |job: &NewJob| {
            let unique = job.unique.as_ref()?;
            Some(unique.key(&job.kind, &job.args, now))
        };
        let keys: Vec<_> = given.iter().map(key).collect();
        let mut rivals: BTreeMap<String, Vec<&NewJob>> = BTreeMap::new();
        for (job, key) in sealed.iter().zip(&keys) {
            if let Some(key) = key {
                rivals.entry(key.clone()).or_default().push(job);
            }
        }
        Batch {
            jobs: sealed,
            keys,
            rivals,
            plain: Vec::new(),
            held: BTreeMap::new(),
            made: BTreeSet::new(),
        }
    }

    /// The jobs without a key.
    pub(super) fn plain(&self) -> Vec<&'a NewJob> {
        let jobs = self.jobs.iter();
        jobs.filter(|job| job.unique.is_none()).collect()
    }

    /// The rows of some of these, in any order.
    pub(super) fn inserted(&mut self, mut rows: Vec<RawJob>) {
        rows.sort_by_key(|row| row.id);
        self.plain.extend(rows);
    }

    /// The keys of which no row is known yet, in their order.
    pub(super) fn missing(&self) -> Vec<String> {
        let keys = self.rivals.keys();
        let missing = keys.filter(|key| !self.held.contains_key(*key));
        missing.cloned().collect()
    }

    /// The first job of each of these keys.
    pub(super) fn firsts<'k>(&self, keys: &'k [String]) -> Vec<(&'a NewJob, &'k str)> {
        let first = |key: &'k String| Some((*self.rivals.get(key)?.first()?, key.as_str()));
        keys.iter().filter_map(first).collect()
    }

    /// The rows of those firsts that met no other.
    pub(super) fn made(&mut self, rows: Vec<RawJob>) {
        self.made
            .extend(rows.iter().filter_map(|row| row.unique_key.clone()));
        self.met(rows);
    }

    /// What the jobs of these keys make of the one that is there, one after the other.
    pub(super) fn edits(&self, keys: &[String]) -> Vec<(String, Edit)> {
        let edits = keys.iter().flat_map(|key| {
            let made = usize::from(self.made.contains(key));
            let others = self.rivals.get(key).into_iter().flatten().skip(made);
            others.filter_map(move |job| Some((key.clone(), job.unique.as_ref()?.edit(job)?)))
        });
        edits.collect()
    }

    /// The rows that hold their keys, as they stand now.
    pub(super) fn met(&mut self, rows: Vec<RawJob>) {
        for row in rows {
            if let Some(key) = row.unique_key.clone() {
                self.held.insert(key, row);
            }
        }
    }

    /// For each job, in the order in which they were given, its row and whether that is new.
    pub(super) fn answers(mut self) -> Result<Vec<(RawJob, bool)>, StoreError> {
        let mut plain = self.plain.into_iter();
        let answer = |key: Option<String>| match key {
            None => Some((plain.next()?, true)),
            Some(key) => Some((self.held.get(&key)?.clone(), self.made.remove(&key))),
        };
        let answers: Option<Vec<_>> = self.keys.into_iter().map(answer).collect();
        let gone = "a job with the same key came and went".to_owned();
        answers.ok_or(StoreError::Conflict(gone))
    }
}
