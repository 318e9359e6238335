//! How one run is made of another. Choices have keys, and so a change means something: another actor, another family, a later
//! moment, a fault more or less. What is not named keeps its values.

use super::random::Random;
use super::recipe::Recipe;
use crate::choice::{Key, actor_of};
use crate::fault::{SWARM, WEIGHT_MAX};

/// An operator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operator {
    /// The plain run of a seed: no run is changed.
    Fresh,
    /// A run of a corpus that was saved.
    Saved,
    /// The run up to where a rare feature was first there, and another end.
    ForkAtFeature,
    /// The run up to any moment, and another end.
    ForkAnywhere,
    /// The same world and mix of faults; whatever happens in it is drawn anew.
    SameWorld,
    /// The run up to a moment, and then the choices of another run.
    Splice,
    /// The choices of one family are those of another run.
    Family,
    /// The choices of one actor are those of another run.
    Actor,
    /// A choice that was made is not made.
    Drop,
    /// A choice of another run is made here too.
    Add,
    /// A choice is made at another occurrence.
    Move,
    /// A value grows or shrinks by powers of two: an episode is longer, a delay shorter.
    Widen,
    /// A new run in which few families are on, each strongly.
    Focus,
}

impl Operator {
    /// Those that change a run.
    pub const CHANGES: [Operator; 11] = [
        Operator::ForkAtFeature,
        Operator::ForkAnywhere,
        Operator::SameWorld,
        Operator::Splice,
        Operator::Family,
        Operator::Actor,
        Operator::Drop,
        Operator::Add,
        Operator::Move,
        Operator::Widen,
        Operator::Focus,
    ];

    /// Whether it has to know what the run has chosen.
    pub fn needs_choices(self) -> bool {
        matches!(self, Operator::Actor | Operator::Drop | Operator::Add | Operator::Move | Operator::Widen)
    }

    /// How often it is used. `docs/GUIDED.md` has what was measured.
    pub fn weight(self) -> u64 {
        match self {
            Operator::Fresh | Operator::Saved => 0,
            Operator::ForkAtFeature => 40,
            Operator::Focus => 15,
            Operator::ForkAnywhere | Operator::SameWorld | Operator::Splice => 10,
            Operator::Family => 5,
            Operator::Actor | Operator::Drop | Operator::Add | Operator::Move | Operator::Widen => 1,
        }
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Operator::Fresh => "fresh",
            Operator::Saved => "saved",
            Operator::ForkAtFeature => "fork-at-feature",
            Operator::ForkAnywhere => "fork-anywhere",
            Operator::SameWorld => "same-world",
            Operator::Splice => "splice",
            Operator::Family => "family",
            Operator::Actor => "actor",
            Operator::Drop => "drop",
            Operator::Add => "add",
            Operator::Move => "move",
            Operator::Widen => "widen",
            Operator::Focus => "focus",
        }
    }
}

/// A run to change, as far as it is known.
#[derive(Clone, Copy)]
pub(super) struct Parent<'a> {
    pub recipe: &'a Recipe,
    /// How many calls it makes.
    pub calls: u64,
    /// The call by which the feature was first there for which it was picked.
    pub moment: u64,
    /// The families that are on.
    pub families: &'a [&'static str],
    /// What it chose that is not 0, where that is known.
    pub choices: &'a [(Key, u64)],
}

/// The run that `operator` makes of `parent`; `other` is another run of the corpus. `None`: there is nothing to change so.
pub(super) fn mutate(
    operator: Operator,
    parent: Parent,
    other: Parent,
    random: &mut Random,
) -> Option<Recipe> {
    let mut recipe = parent.recipe.clone();
    match operator {
        Operator::Fresh | Operator::Saved | Operator::Focus => return None,
        Operator::ForkAtFeature => {
            // Mostly at the feature itself; what made it possible may lie a little earlier.
            let back = random.halving().saturating_sub(1);
            recipe.fork(parent.moment.saturating_sub(back).max(1), random.next());
        }
        Operator::ForkAnywhere => recipe.fork(1 + random.below(parent.calls), random.next()),
        Operator::SameWorld => recipe.fork(1, random.next()),
        Operator::Splice => {
            let forks = &other.recipe.mix.forks;
            let seed = forks.last().map_or(other.recipe.seed, |&(_, seed)| seed);
            recipe.fork(1 + random.below(parent.calls), seed);
        }
        Operator::Family => {
            let name = random.one(parent.families).copied().unwrap_or("workload");
            let name = random.one(&[name, "workload", "swarm"]).copied()?;
            let seed = if random.percent(50) { other.recipe.seed } else { random.next() };
            replace(&mut recipe.mix.domains, name, seed);
        }
        Operator::Actor => {
            let (key, _) = random.one(parent.choices)?;
            replace(&mut recipe.mix.actors, actor_of(&key.object), other.recipe.seed);
        }
        Operator::Drop => {
            let (key, _) = random.one(parent.choices)?;
            recipe.overrides.insert(key.clone(), 0);
        }
        Operator::Add => {
            let (key, value) = random.one(other.choices)?;
            if parent.choices.iter().any(|(same, _)| same == key) {
                return None;
            }
            recipe.overrides.insert(key.clone(), *value);
        }
        Operator::Move => {
            let (key, value) = random.one(parent.choices)?;
            let by = 1 + random.halving();
            let ordinal = if random.percent(50) { key.ordinal.checked_sub(by)? } else { key.ordinal + by };
            recipe.overrides.insert(key.clone(), 0);
            recipe.overrides.insert(Key { ordinal, ..key.clone() }, *value);
        }
        Operator::Widen => {
            let (key, value) = random.one(parent.choices)?;
            let by = 1 + random.halving().min(16) as u32;
            let wider = if random.percent(67) { value.saturating_mul(1 << by) } else { value >> by };
            recipe.overrides.insert(key.clone(), wider.max(1));
        }
    }
    Some(recipe)
}

/// A new run in which few of `families` are on, each strongly.
pub(super) fn focus(families: &[&'static str], random: &mut Random) -> Option<Recipe> {
    let mut recipe = Recipe::plain(random.next());
    let mut left = 1 + random.halving().min(2);
    for (at, family) in families.iter().enumerate() {
        // So many of those that are left, each equally likely.
        let on = random.below((families.len() - at) as u64) < left;
        left -= u64::from(on);
        let weight = if on { u64::from(WEIGHT_MAX) >> random.below(4) } else { 0 };
        let key = Key { domain: SWARM.0.to_owned(), object: (*family).to_owned(), ordinal: 0 };
        recipe.overrides.insert(key, weight);
    }
    (!families.is_empty()).then_some(recipe)
}

fn replace(seeds: &mut Vec<(String, u64)>, name: &str, seed: u64) {
    seeds.retain(|(other, _)| other != name);
    seeds.push((name.to_owned(), seed));
}
