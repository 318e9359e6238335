//! The guided search: runs that show something new are kept and changed.
//!
//! | file | does |
//! |---|---|
//! | [`recipe`] | how a run is made: a seed, parts of other seeds, a few fixed choices |
//! | [`mutate`] | the operators that make one recipe of another |
//! | [`search`] | what is known of a scenario, and which runs come next |
//! | [`mod@explore`] | a guided sweep: `explore --guided` |
//! | `pool` | its threads |
//! | [`inline`] | a search on one thread, until something is found: `bugs --guided` |

#[cfg(feature = "cli")]
pub mod corpus;
pub mod explore;
pub mod inline;
pub mod mutate;
mod pool;
mod random;
pub mod recipe;
pub mod search;

use super::Worker;
use crate::choice::{Base, Overrides};
use crate::run::{Record, RunSpec};
use recipe::Recipe;

/// The same run as that of `recipe`, as anybody can make it: the seed, or the choices that it makes, on the zero base.
pub fn ordinary(worker: &mut Worker, like: &RunSpec, recipe: &Recipe) -> Result<RunSpec, String> {
    if recipe.is_plain() {
        return Ok(RunSpec { base: Base::Seed(recipe.seed), overrides: Overrides::new(), ..like.clone() });
    }
    let made = worker.try_guided(&recipe.spec(like, Record::Choices), &recipe.mix)?;
    let choices = made.map(|report| report.choices).unwrap_or_default();
    Ok(RunSpec { base: Base::Zero, overrides: choices.into_iter().collect(), ..like.clone() })
}

#[cfg(test)]
mod tests;
