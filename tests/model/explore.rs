//! Goes everywhere: every world that can be reached from the first one, by every move.

use std::{collections::HashSet, fmt, hash::Hash};

use indexmap::{IndexMap, map::Entry};

use super::{
    moves::Move,
    promises::{Step, broken},
    scope::Scope,
    world::World,
};

/// All that can happen within a scope.
pub struct Explored {
    scope: Scope,
    /// Each world that was reached, and from which; the first one from none.
    worlds: IndexMap<World, Option<usize>>,
    /// Each move from one world to another.
    steps: Vec<(usize, Move, usize)>,
}

/// A promise that was broken, and a shortest way to it.
pub struct Broken {
    pub promise: &'static str,
    pub moves: Vec<Move>,
    pub world: Box<World>,
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "broken: {}, by these moves:", self.promise)?;
        for made in &self.moves {
            writeln!(f, "  {made:?}")?;
        }
        write!(f, "which lead to {:#?}", self.world)
    }
}

/// Makes every move in every world that can be reached, the nearest first, until a promise is broken.
pub fn explore(scope: Scope) -> Result<Explored, Broken> {
    let first = World::new(&scope).reduced(Move::Pass, &scope);
    let mut explored = Explored {
        scope,
        worlds: IndexMap::from([(first, None)]),
        steps: Vec::new(),
    };
    let mut next = 0;
    while next < explored.worlds.len() {
        let before = explored.world(next).clone();
        for made in before.moves(&scope) {
            let after = match stepped(&before, made, &scope) {
                Ok(after) => after.reduced(made, &scope),
                Err(promise) => return Err(explored.way_to_breach(next, promise)),
            };
            let index = match explored.worlds.entry(after) {
                Entry::Occupied(known) => known.index(),
                Entry::Vacant(new) => {
                    let index = new.index();
                    new.insert(Some(next));
                    index
                }
            };
            if index != next {
                explored.steps.push((next, made, index));
            }
        }
        next += 1;
    }
    Ok(explored)
}

/// The world after a move, or the promise that it breaks.
fn stepped(before: &World, made: Move, scope: &Scope) -> Result<World, &'static str> {
    let mut after = before.clone();
    let exchange = after.make(made, scope);
    let step = Step {
        before,
        made,
        exchange: exchange.as_ref(),
        after: &after,
    };
    broken(&step, scope).map_or(Ok(()), Err)?;
    Ok(after)
}

impl Explored {
    /// How many worlds there are, and how many moves lead from one to another.
    pub fn size(&self) -> (usize, usize) {
        (self.worlds.len(), self.steps.len())
    }

    fn world(&self, index: usize) -> &World {
        self.worlds.get_index(index).expect("it was reached").0
    }

    /// Whether a world that is `good` can be reached from everywhere, by `usable` moves alone.
    ///
    /// Then it is reached in the end, provided that what can happen again and again does happen.
    pub fn ends(
        &self,
        promise: &'static str,
        usable: impl Fn(&World, Move) -> bool,
        good: impl Fn(&World) -> bool,
    ) -> Result<(), Broken> {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.worlds.len()];
        for &(from, made, to) in &self.steps {
            if usable(self.world(from), made) {
                before[to].push(from);
            }
        }
        let mut ends: Vec<bool> = self.worlds.keys().map(good).collect();
        let mut open: Vec<usize> = (0..ends.len()).filter(|index| ends[*index]).collect();
        while let Some(index) = open.pop() {
            for from in std::mem::take(&mut before[index]) {
                if !std::mem::replace(&mut ends[from], true) {
                    open.push(from);
                }
            }
        }
        match ends.iter().position(|ends| !ends) {
            None => Ok(()),
            Some(stuck) => {
                let (world, moves) = self.way_to(stuck);
                Err(Broken {
                    promise,
                    moves,
                    world: Box::new(world),
                })
            }
        }
    }

    /// A shortest way to a move of each kind.
    pub fn ways<Kind: Eq + Hash>(
        &self,
        kind: impl Fn(&World, Move) -> Option<Kind>,
    ) -> Vec<Vec<Move>> {
        let mut known = HashSet::new();
        let mut ways = Vec::new();
        for (index, world) in self.worlds.keys().enumerate() {
            for made in world.moves(&self.scope) {
                let Some(new) = kind(world, made).filter(|kind| !known.contains(kind)) else {
                    continue;
                };
                let (world, mut way) = self.way_to(index);
                let mut possible = world.moves(&self.scope).into_iter();
                way.extend(possible.find(|made| kind(&world, *made).as_ref() == Some(&new)));
                ways.push(way);
                known.insert(new);
            }
        }
        ways
    }

    /// The moves that lead to a world, told without numbering the instances anew at every step.
    fn way_to(&self, index: usize) -> (World, Vec<Move>) {
        let mut way = vec![index];
        while let Some(from) = self.worlds[way[way.len() - 1]] {
            way.push(from);
        }
        let mut world = World::new(&self.scope);
        let mut moves = Vec::new();
        for next in way.into_iter().rev().skip(1) {
            let next = self.world(next);
            let mut possible = world.moves(&self.scope).into_iter();
            let found = possible.find_map(|made| {
                let after = stepped(&world, made, &self.scope).ok()?;
                let reduced = after.clone().reduced(made, &self.scope);
                (reduced == *next).then_some((made, after))
            });
            let (made, after) = found.expect("what one of two like worlds can do, the other can");
            moves.push(made);
            world = match self.scope.heartbeats {
                true => next.clone(),
                false => after,
            };
        }
        (world, moves)
    }

    fn way_to_breach(&self, index: usize, promise: &'static str) -> Broken {
        let (mut world, mut moves) = self.way_to(index);
        let mut possible = world.moves(&self.scope).into_iter();
        let breach = possible.find(|made| stepped(&world, *made, &self.scope) == Err(promise));
        let breach = breach.expect("what one of two like worlds can do, the other can");
        moves.push(breach);
        world.make(breach, &self.scope);
        Broken {
            promise,
            moves,
            world: Box::new(world),
        }
    }
}
