//! Lists of families to switch on together, for a scenario that says what must hold under them.

use super::{Family, Object, TABLE};

/// Lists of families: `sim.also(Faults::network())` adds one to those that are on by default.
///
/// After one of these a client may see an error that is no defect of the server: its workload has to expect them.
#[derive(Clone, Copy, Debug)]
pub struct Faults;

impl Faults {
    /// Connections that break, fall silent, or are never made.
    pub const fn network() -> &'static [Family] {
        &[Family::Reset, Family::BlackHole, Family::Partition, Family::Swizzle, Family::Backlog]
    }

    /// Processes and hosts that end, and what a crash does to files. They are for processes that
    /// [restart](crate::Sim::server_restarting) or that [may disappear](crate::Sim::may_disappear).
    pub const fn crashes() -> &'static [Family] {
        &[Family::ProcessKill, Family::HostPower, Family::HostGone, Family::DiskTorn]
    }

    /// Every family of the simulated kernel: all but those that act on streams and hosts of `eagain-layer`.
    pub const fn all() -> &'static [Family] {
        ALL
    }
}

/// Whether the simulated kernel asks it.
const fn is_of_the_kernel(family: Family) -> bool {
    !matches!(
        family.row().of,
        Object::Stream | Object::DirectionOfStream | Object::PairOfHosts | Object::OrderedPairOfHosts
    ) && !matches!(family, Family::HostCrash)
}

const COUNT: usize = {
    let (mut at, mut count) = (0, 0);
    while at < TABLE.len() {
        count += is_of_the_kernel(Family::ALL[at]) as usize;
        at += 1;
    }
    count
};

const ALL: &[Family] = &{
    let mut all = [Family::OffCpu; COUNT];
    let (mut at, mut count) = (0, 0);
    while at < TABLE.len() {
        if is_of_the_kernel(Family::ALL[at]) {
            all[count] = Family::ALL[at];
            count += 1;
        }
        at += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::USUAL_FAULTS;

    #[test]
    fn presets_are_of_the_kernel_and_add_to_what_is_usual() {
        for preset in [Faults::network(), Faults::crashes()] {
            for family in preset {
                assert!(Faults::all().contains(family) && !USUAL_FAULTS.contains(family), "{family:?}");
            }
        }
        assert!(USUAL_FAULTS.iter().all(|family| Faults::all().contains(family)));
        assert!(!Faults::all().contains(&Family::StreamReset) && !Faults::all().contains(&Family::NetHold));
    }
}
