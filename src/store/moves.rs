//! What operators and programs do to jobs, as statements that are still to be told of which jobs: one, or all
//! that match.
//!
//! Macros, because the connections of the two databases share no type.

use diesel::prelude::*;
use jiff::Timestamp;

use super::schema::jobs;
use crate::queue::{Edit, State};

diesel::infix_operator!(BitAnd, " & ", diesel::sql_types::Integer);

/// The key of a job that moves on to this state: it keeps it, or gives it up for good.
///
/// Whatever changes a state to one that does not always hold a key, sets the key so in the same statement. So
/// no move can ever meet another job that has taken the key in the meantime.
macro_rules! key_in {
    ($state:expr) => {
        diesel::dsl::case_when(
            $crate::store::moves::BitAnd::new(
                $crate::store::schema::jobs::unique_states,
                diesel::IntoSql::into_sql::<diesel::sql_types::Integer>($state.bit()),
            )
            .ne(0),
            $crate::store::schema::jobs::unique_key,
        )
    };
}

/// The UPDATE that makes jobs due again which failed or were cancelled, with one more attempt if all are spent.
macro_rules! retried {
    ($which:expr, $now:expr) => {{
        use $crate::{queue::State, store::schema::jobs};
        diesel::update(
            jobs::table
                .filter($which)
                .filter(jobs::state.eq_any($crate::store::moves::retryable())),
        )
        .set((
            jobs::state.eq(State::Available.word()),
            jobs::run_at.eq($now.as_microsecond()),
            jobs::finished_at.eq(None::<i64>),
            jobs::cancel_at.eq(None::<i64>),
            jobs::blockers.eq(0),
            jobs::max_attempts.eq(diesel::dsl::case_when(
                jobs::max_attempts.gt(jobs::attempt),
                jobs::max_attempts,
            )
            .otherwise(jobs::attempt + 1)),
        ))
    }};
}

/// That a job was cancelled because of another, and at this instant: where that is one and the same wish's, by
/// that wish. At no instant none was.
macro_rules! lost_at {
    ($at:expr) => {
        $crate::store::schema::jobs::state
            .eq($crate::queue::State::Cancelled.word())
            .and($crate::store::schema::jobs::blockers.gt(0))
            .and($crate::store::schema::jobs::finished_at.eq($at))
    };
}

/// The UPDATE that cancels jobs which wait, and has those that execute asked to stop. That they have not ended
/// is for `$which` to say.
macro_rules! cancelled {
    ($which:expr, $now:expr) => {{
        use diesel::{IntoSql, dsl::case_when, sql_types};
        use $crate::{
            queue::State,
            store::{moves, schema::jobs},
        };
        let executes = || jobs::state.eq(State::Executing.word());
        let at = Some($now.as_microsecond());
        diesel::update(jobs::table.filter($which)).set((
            jobs::state.eq(case_when(executes(), jobs::state).otherwise(State::Cancelled.word())),
            jobs::finished_at.eq(case_when(executes(), jobs::finished_at).otherwise(at)),
            // Whoever asks again changes nothing.
            jobs::cancel_at.eq(case_when(
                executes().and(jobs::cancel_at.is_null()),
                at.into_sql::<sql_types::Nullable<sql_types::BigInt>>(),
            )
            .otherwise(jobs::cancel_at)),
            jobs::blockers.eq(0),
            jobs::unique_key
                .eq(case_when(executes(), jobs::unique_key)
                    .otherwise(moves::key_in!(State::Cancelled))),
        ))
    }};
}

/// The UPDATE that changes jobs which wait.
macro_rules! edited {
    ($which:expr, $edit:expr, $now:expr) => {{
        use $crate::{
            queue::State,
            store::{moves, schema::jobs},
        };
        diesel::update(
            jobs::table
                .filter($which)
                .filter(jobs::state.eq_any(State::WAITING.map(State::word))),
        )
        .set((
            moves::Columns::of($edit, $now),
            jobs::state.eq(moves::state_after($edit, $now)),
        ))
    }};
}

pub(super) use {cancelled, edited, key_in, lost_at, retried};

/// The states in which an operator's retry means anything, as they are stored.
pub(super) fn retryable() -> Vec<&'static str> {
    let retryable = State::ALL.into_iter().filter(|state| state.can_retry());
    retryable.map(State::word).collect()
}

/// The states in which there is nothing to cancel, as they are stored.
pub(super) fn ended() -> Vec<&'static str> {
    let ended = State::ALL.into_iter().filter(|state| state.is_final());
    ended.map(State::word).collect()
}

/// The columns that an edit changes; what is `None` stays.
#[derive(AsChangeset)]
#[diesel(table_name = jobs)]
pub(super) struct Columns {
    args: Option<String>,
    priority: Option<i32>,
    max_attempts: Option<i32>,
    run_at: Option<i64>,
    queue: Option<String>,
    limit_key: Option<Option<String>>,
}

impl Columns {
    pub(super) fn of(edit: &Edit, now: Timestamp) -> Self {
        let run_at = edit.due.map(|due| due.instant(now).as_microsecond());
        Columns {
            args: edit.args.as_ref().map(ToString::to_string),
            priority: edit.priority,
            max_attempts: edit.max_attempts,
            run_at,
            queue: edit.place.as_ref().map(|place| place.queue.clone()),
            limit_key: edit.place.as_ref().map(|place| place.limit_key.clone()),
        }
    }
}

/// Where a job that waits stands once its time was changed. One that other jobs block is not due before they
/// let it be.
pub(super) fn state_after(
    edit: &Edit,
    now: Timestamp,
) -> diesel::expression::SqlLiteral<diesel::sql_types::Text> {
    diesel::dsl::sql(match edit.due {
        None => "state",
        Some(due) if due.instant(now) > now => {
            "CASE WHEN state = 'available' THEN 'scheduled' ELSE state END"
        }
        Some(_) => "CASE WHEN blockers = 0 THEN 'available' ELSE state END",
    })
}
