//! Worlds that differ only in what nobody can tell apart are one: so there is an end to them.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use cadastro::queue::State;

use super::{
    instance::Instance,
    moves::Move,
    scope::Scope,
    table::{Job, Name},
    world::World,
};

impl World {
    /// The same world, told without what time it is, who once owned a job, and which of the numbers of
    /// beats that nobody has seen was given.
    ///
    /// Where no names are watched it does not matter either which instance is which.
    pub fn reduced(mut self, made: Move, scope: &Scope) -> Self {
        let now = std::mem::take(&mut self.now);
        for job in &mut self.table.jobs {
            job.run_at = if job.waits_at(now) {
                job.run_at - now
            } else {
                0
            };
            // The policy's waits are all alike here, but that there is none after the first crash.
            job.crashes = job.crashes.min(1);
            if job.state != State::Executing {
                job.asked = false;
                job.owner = None;
            }
        }
        for instance in &mut self.instances {
            instance.held().for_each(|held| held.run_at = 0);
        }
        if scope.heartbeats {
            self.reduce_beats(made);
            return self;
        }
        let likes: Vec<u64> = self.instances.iter().map(Instance::like).collect();
        let mut orders = orders(self.instances.len());
        orders.retain(|order| order.is_sorted_by_key(|index| likes[*index]));
        let reduced = orders.into_iter().map(|order| self.in_order(&order));
        reduced.min_by_key(hash).expect("some order is sorted")
    }

    /// The instances in another order, and everybody under the first free name.
    fn in_order(&self, order: &[usize]) -> World {
        let mut world = self.clone();
        world.instances = order
            .iter()
            .map(|index| self.instances[*index].clone())
            .collect();
        world.rename();
        world
    }

    fn reduce_beats(&mut self, made: Move) {
        let beaten = match made {
            Move::Beat(index) => self.instances[index].name,
            _ => None,
        };
        for (name, beats) in &mut self.table.entered {
            let remembered = |beats: i64| {
                let mut instances = self.instances.iter();
                instances.any(|instance| instance.seen.get(name) == Some(&beats))
            };
            // A new number is like any other that nobody remembers.
            if beaten == Some(*name) || !remembered(*beats) {
                let mut numbers = (0..).filter(|beats| !remembered(*beats));
                *beats = numbers.next().expect("some are free");
            }
        }
        let up: Vec<bool> = self
            .instances
            .iter()
            .map(|instance| instance.name.is_some())
            .collect();
        for instance in &mut self.instances {
            for (looks, up) in instance.looks.iter_mut().zip(&up) {
                *looks *= u32::from(*up && instance.name.is_some());
            }
            // What is behind the times in all it remembers is none the wiser for it.
            let mut seen = instance.seen.iter();
            let entered = &self.table.entered;
            if instance.silent.is_empty()
                && seen.all(|(name, beats)| entered.get(name) != Some(beats))
            {
                instance.miss();
            }
        }
    }

    /// Gives everybody a name, in the order in which they are met.
    fn rename(&mut self) {
        let mut names = Names::default();
        for instance in &mut self.instances {
            names.give(&mut instance.name);
        }
        for job in &mut self.table.jobs {
            names.give(&mut job.owner);
        }
        for instance in &mut self.instances {
            instance.held().for_each(|held| names.give(&mut held.owner));
        }
        let entered = std::mem::take(&mut self.table.entered).into_iter();
        let entered = entered.map(|(name, beats)| (names.new_for(name), beats));
        self.table.entered = entered.collect();
    }
}

#[derive(Default)]
struct Names(BTreeMap<Name, Name>);

impl Names {
    fn new_for(&mut self, name: Name) -> Name {
        let next = self.0.len() as Name;
        *self.0.entry(name).or_insert(next)
    }

    fn give(&mut self, name: &mut Option<Name>) {
        *name = name.map(|name| self.new_for(name));
    }
}

impl Instance {
    /// Every row that it remembers.
    fn held(&mut self) -> impl Iterator<Item = &mut Job> {
        let ended = self.ended.iter_mut().map(|(job, _)| job);
        ended.chain(&mut self.running).chain(&mut self.found)
    }

    /// A number that two instances share when they differ by nothing but names.
    fn like(&self) -> u64 {
        let mut like = self.clone();
        like.name = like.name.map(|_| 0);
        like.held().for_each(|held| held.owner = None);
        hash(&like)
    }
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Every order of so many.
fn orders(many: usize) -> Vec<Vec<usize>> {
    let with = |order: &Vec<usize>, at, next| {
        let mut order = order.clone();
        order.insert(at, next);
        order
    };
    (0..many).fold(vec![Vec::new()], |orders, next| {
        let longer = orders.iter().flat_map(|order| {
            let places = 0..=order.len();
            places.map(move |at| with(order, at, next))
        });
        longer.collect()
    })
}
