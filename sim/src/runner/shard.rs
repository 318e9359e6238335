//! Shards: one sweep over several machines, each given only its number. Every (scenario, seed) pair belongs to exactly
//! one of them, and every scenario is spread over all of them.

use std::fmt;

/// One of several parts of a sweep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    /// Which, from 0.
    pub index: u64,
    /// Of how many; at least 1.
    pub count: u64,
}

impl Shard {
    /// The whole sweep.
    pub const ALL: Shard = Shard { index: 0, count: 1 };

    /// Whether the pair of the scenario at `place` in the plan and the `offset`-th seed is in this part. The diagonal spreads
    /// each scenario and each range of seeds evenly.
    pub fn owns(self, place: usize, offset: u64) -> bool {
        self.count == 1 || (place as u64 % self.count + offset % self.count) % self.count == self.index
    }

    /// The first offset that is this part's, of the scenario at `place`; every `count`-th from there on is too.
    pub(super) fn first(self, place: usize) -> u64 {
        (self.index + self.count - place as u64 % self.count) % self.count
    }

    /// Reads `I/N`, or with `auto` what the batch system says in the environment, which `variable` looks up.
    pub fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
        if text == "auto" {
            return Shard::from_environment(variable);
        }
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let Some((index, count)) = parts else {
            return Err(format!("invalid shard `{text}`: expected I/N with 0 <= I < N, or auto"));
        };
        Shard::new(index, count)
            .ok_or_else(|| format!("invalid shard `{text}`: expected I/N with 0 <= I < N"))
    }

    fn new(index: u64, count: u64) -> Option<Shard> {
        (index < count).then_some(Shard { index, count })
    }

    /// A Kubernetes Indexed Job (which has no variable for its size: the pod template sets `COMPLETIONS`) or a Slurm array.
    fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
        const SYSTEMS: [[&str; 3]; 2] = [
            ["JOB_COMPLETION_INDEX", "COMPLETIONS", ""],
            ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"],
        ];
        for [index_name, count_name, min_name] in SYSTEMS {
            let Some(index_text) = variable(index_name) else { continue };
            let number = |name: &str, text: Option<String>| {
                let text = text.ok_or_else(|| format!("--shard auto: {index_name} is set, {name} is not"))?;
                text.trim().parse::<u64>().map_err(|_| format!("--shard auto: invalid number {name}={text}"))
            };
            let index = number(index_name, Some(index_text))?;
            let count = number(count_name, variable(count_name))?;
            // A Slurm array may be numbered from 1.
            let min = if min_name.is_empty() { None } else { variable(min_name) };
            let min = min.map_or(Ok(0), |text| number(min_name, Some(text)))?;
            return index.checked_sub(min).and_then(|index| Shard::new(index, count)).ok_or_else(|| {
                format!(
                    "--shard auto: {index_name}={index} does not fit {count_name}={count}, counted from {min}"
                )
            });
        }
        Err("--shard auto: neither JOB_COMPLETION_INDEX and COMPLETIONS (Kubernetes) nor SLURM_ARRAY_TASK_ID and \
             SLURM_ARRAY_TASK_COUNT (Slurm) are set"
            .to_owned())
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Shard::parse(text, variable).map_or_else(|line| line, |shard| shard.to_string())
    }

    #[test]
    fn shards_are_read_from_the_flag_and_from_the_batch_system() {
        for text in ["0/1", "2/3"] {
            assert_eq!(parse(text, &[]), text);
        }
        for text in ["3/3", "0/0", "1", "a/b", "-1/3", "", "1/2/3"] {
            assert!(parse(text, &[]).contains("invalid shard"), "{text}");
        }
        assert_eq!(parse("auto", &[("JOB_COMPLETION_INDEX", "3"), ("COMPLETIONS", "8")]), "3/8");
        assert_eq!(parse("auto", &[("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "8")]), "3/8");
        let from_one =
            [("SLURM_ARRAY_TASK_ID", "8"), ("SLURM_ARRAY_TASK_COUNT", "8"), ("SLURM_ARRAY_TASK_MIN", "1")];
        assert_eq!(parse("auto", &from_one), "7/8");
    }

    #[test]
    fn auto_is_never_silently_the_whole() {
        assert!(parse("auto", &[]).contains("are set"));
        assert!(parse("auto", &[("JOB_COMPLETION_INDEX", "3")]).contains("COMPLETIONS is not"));
        assert!(
            parse("auto", &[("JOB_COMPLETION_INDEX", "8"), ("COMPLETIONS", "8")]).contains("does not fit")
        );
        assert!(
            parse("auto", &[("JOB_COMPLETION_INDEX", "x"), ("COMPLETIONS", "8")]).contains("invalid number")
        );
    }

    proptest! {
        #[test]
        fn every_pair_has_one_owner(count in 1_u64..20, place in 0_usize..100, offset: u64) {
            let owners = (0..count).filter(|&index| Shard { index, count }.owns(place, offset)).count();
            prop_assert_eq!(owners, 1);
        }
    }
}
