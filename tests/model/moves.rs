//! All that can happen to a few instances and their jobs, one move at a time.

use cadastro::queue::{SILENT, State};

use super::{
    instance::End,
    scope::{Rule, Scope},
    table::Name,
    world::World,
};

/// The first number is the instance that does it, or whom it happens to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Move {
    /// A second goes by.
    Pass,
    /// A process starts, or one that is between two lives begins the next.
    Enter(usize),
    Beat(usize),
    Look(usize),
    StrikeOut(usize, Name),
    /// Asks for orphans, and later takes them in.
    Find(usize),
    Rescue(usize),
    /// Asks what was claimed in its name.
    Recall(usize),
    /// Asks which of its attempts are to stop.
    Heed(usize),
    Stage(usize),
    Claim(usize, u8),
    End(usize, u8, End),
    Settle(usize),
    /// The end of a stop.
    Leave(usize),
    Resume,

    // The disturbances.
    /// The process is gone, with all that it remembers.
    Crash(usize),
    /// The Scheduler falls, and its supervisor has it begin anew.
    Fall(usize),
    Stop(usize),
    /// The database has no answer to a look.
    Miss(usize),
    /// What was asked is done, but the answer is lost.
    ClaimUnheard(usize, u8),
    SettleUnheard(usize),
    Cancel(u8),
    Retry(u8),
    Pause,
}

impl Move {
    /// With heartbeats the worlds are many: what has nothing to do with them is told without.
    fn concerns_heartbeats(self) -> bool {
        let elsewhere = matches!(
            self,
            Move::Stop(_)
                | Move::Pause
                | Move::Cancel(_)
                | Move::Retry(_)
                | Move::ClaimUnheard(..)
                | Move::SettleUnheard(_)
        );
        let end =
            matches!(self, Move::End(_, _, end) if !matches!(end, End::Completed | End::Failed));
        !elsewhere && !end
    }
}

impl World {
    /// Every move that can change something now, and costs no more disturbances than are left.
    pub fn moves(&self, scope: &Scope) -> Vec<Move> {
        let mut moves = vec![Move::Pass, Move::Pause, Move::Resume];
        for index in 0..self.instances.len() {
            moves.extend([
                Move::Enter(index),
                Move::Beat(index),
                Move::Look(index),
                Move::Find(index),
                Move::Rescue(index),
                Move::Recall(index),
                Move::Heed(index),
                Move::Stage(index),
                Move::Settle(index),
                Move::Leave(index),
                Move::Crash(index),
                Move::Fall(index),
                Move::Stop(index),
                Move::Miss(index),
                Move::SettleUnheard(index),
            ]);
            let names = self.table.entered.keys();
            moves.extend(names.map(|name| Move::StrikeOut(index, *name)));
            for job in 0..scope.jobs {
                moves.extend([Move::Claim(index, job), Move::ClaimUnheard(index, job)]);
            }
            for job in &self.instances[index].running {
                moves.extend(End::OF_ATTEMPTS.map(|end| Move::End(index, job.id, end)));
            }
        }
        for job in 0..scope.jobs {
            moves.extend([Move::Cancel(job), Move::Retry(job)]);
        }
        moves.retain(|&made| {
            let told = !scope.heartbeats || made.concerns_heartbeats();
            told && self.can(made, scope) && self.matters(made, scope)
        });
        moves
    }

    /// Whether a move is possible now.
    pub fn can(&self, made: Move, scope: &Scope) -> bool {
        let serves = |index: usize| self.instances[index].name.is_some();
        let claims = |index: usize| serves(index) && !self.instances[index].stopping;
        let possible = match made {
            Move::Pass | Move::Cancel(_) | Move::Retry(_) | Move::Pause | Move::Resume => true,
            Move::Enter(index) => {
                let others = self.instances.iter().any(|instance| instance.up);
                let instance = &self.instances[index];
                instance.name.is_none() && (instance.up || !(others && scope.on_a_file))
            }
            Move::Crash(index) => self.instances[index].up,
            Move::Beat(index) | Move::Heed(index) => serves(index),
            Move::Look(index) => serves(index) && scope.heartbeats && self.may_look(index, scope),
            Move::Miss(index) => serves(index) && !self.instances[index].seen.is_empty(),
            Move::StrikeOut(index, name) => claims(index) && self.seems_dead(index, name, scope),
            Move::Find(index) => claims(index) && scope.heeds(Rule::Orphans),
            Move::Rescue(index) => claims(index) && !self.instances[index].found.is_empty(),
            Move::Recall(index) => serves(index) && scope.heeds(Rule::LostClaims),
            Move::Stage(index)
            | Move::Claim(index, _)
            | Move::ClaimUnheard(index, _)
            | Move::Fall(index)
            | Move::Stop(index) => claims(index),
            Move::End(index, job, end) => {
                let instance = &self.instances[index];
                let runs = instance.running.iter().any(|held| held.id == job);
                runs && (end != End::HandedBack || instance.stopping)
            }
            Move::Settle(index) | Move::SettleUnheard(index) => {
                serves(index) && !self.instances[index].ended.is_empty()
            }
            Move::Leave(index) => serves(index) && self.instances[index].has_ended(),
        };
        possible && self.cost(made) <= self.spare
    }

    /// In a fair world nobody looks so often that one who beats must seem silent.
    fn may_look(&self, index: usize, scope: &Scope) -> bool {
        let looks = &self.instances[index].looks;
        let others = self.instances.iter().enumerate();
        let mut others =
            others.filter(|(other, instance)| *other != index && instance.name.is_some());
        !scope.fair || others.all(|(other, _)| looks[other] < SILENT)
    }

    fn seems_dead(&self, index: usize, name: Name, scope: &Scope) -> bool {
        match scope.heartbeats {
            true => self.instances[index].silent.contains(&name),
            false => self.instances[index].name != Some(name),
        }
    }

    /// Spares the explorer most of the moves that change nothing.
    fn matters(&self, made: Move, scope: &Scope) -> bool {
        let job = |job: u8| &self.table.jobs[usize::from(job)];
        match made {
            Move::Pass => self.table.jobs.iter().any(|job| job.waits_at(self.now)),
            Move::Stage(index) => {
                let first = self
                    .instances
                    .iter()
                    .position(|instance| instance.name.is_some() && !instance.stopping);
                first == Some(index) && self.table.jobs.iter().any(|job| job.is_due_at(self.now))
            }
            Move::Beat(index) => {
                let name = self.instances[index].name;
                scope.heartbeats || name.is_some_and(|name| !self.table.entered.contains_key(&name))
            }
            Move::Find(_) | Move::Recall(_) => {
                let mut jobs = self.table.jobs.iter();
                jobs.any(|job| job.state == State::Executing)
            }
            Move::Claim(_, id) | Move::ClaimUnheard(_, id) => job(id).state == State::Available,
            Move::Heed(index) => {
                let mut running = self.instances[index].running.iter();
                running.any(|held| !held.asked && job(held.id).asked)
            }
            Move::Cancel(id) => job(id).can_cancel(),
            Move::Retry(id) => job(id).state.can_retry(),
            Move::Pause => !self.table.paused,
            Move::Resume => self.table.paused,
            _ => true,
        }
    }

    /// How many disturbances a move is. That one who lives is struck out is the world's doing too.
    pub fn cost(&self, made: Move) -> u8 {
        u8::from(match made {
            Move::Crash(_)
            | Move::Fall(_)
            | Move::Stop(_)
            | Move::Miss(_)
            | Move::ClaimUnheard(..)
            | Move::SettleUnheard(_)
            | Move::Cancel(_)
            | Move::Retry(_)
            | Move::Pause => true,
            Move::End(_, _, end) => !matches!(end, End::Completed | End::Failed | End::HandedBack),
            Move::StrikeOut(_, name) => self.living(name).is_some(),
            _ => false,
        })
    }
}
