//! What can go wrong: a family a file, and the list of them. A file says what the family changes, by whose choice, how
//! likely, how much, which man page allows it, the event that records it, and whether it is on by default. The code that
//! asks the family is where the change is made, through `crate::run`.
//!
//! A fault changes state and never only a result: an injected `EAGAIN` *is* a segment that has not arrived, a short write *is* a nearly
//! full buffer, `EINTR` *is* a signal that was delivered. So whatever a program sees is what Linux could have shown it.
//!
//! Each seed draws a *swarm*: about half of the families are off, and the weights of the others span two orders of magnitude.
//! These are keyed choices too.

mod aio_late;
mod buffer_recv;
mod buffer_send;
mod clock_drift;
mod clock_step;
mod datagram_duplicate;
mod datagram_loss;
mod datagram_reorder;
mod disk_slow;
mod disk_space;
mod disk_sync;
mod disk_torn;
mod fd_limit;
mod futex_wakeup;
mod host_crash;
mod host_gone;
mod host_power;
mod knob;
mod link_partition;
mod link_swizzle;
mod listen_backlog;
mod names;
mod net_hold;
mod net_one_way;
mod net_partition;
mod presets;
mod process_kill;
mod ring_again;
mod ring_late;
mod ring_order;
mod ring_pool;
mod ring_short;
mod row;
mod signal_interrupt;
mod stream_not_ready;
mod stream_reset;
mod stream_short_read;
mod stream_short_write;
mod stream_stall;
mod swarm;
mod thread_change;
mod thread_off_cpu;
mod thread_preempt;
mod thread_slow;
mod wire_bandwidth;
mod wire_black_hole;
mod wire_coalesce;
mod wire_delay;
mod wire_reset;
mod wire_split;
mod wire_stall;

pub use names::{NAMED, Named, family_of, value_text};
pub use presets::Faults;
#[cfg(feature = "cli")]
pub(crate) use row::wrapped;
pub use row::{Amount, Object, Odds, Row, Unit};
pub(crate) use swarm::{SWARM, Swarm, WEIGHT_MAX};
pub(crate) use thread_preempt::SLICE as PREEMPT_SLICE;

use crate::choice::{Distribution, Domain};

macro_rules! families {
    ($($name:ident $file:ident;)*) => {
        /// A family of faults. `eagain faults` and `docs/FAULTS.md` describe each.
///
/// ```
/// use eagain_sim::Sim;
/// use eagain_sim::fault::{Family, Faults};
///
/// fn body(sim: &mut Sim) {
///     sim.also(&[Family::Reset]); // besides those that are on by default
///     sim.also(Faults::crashes());
///     // …
/// }
/// assert_eq!(Family::Reset.row().name, "wire.reset");
/// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[allow(missing_docs)] // each has its row
        pub enum Family { $($name,)* }

        impl Family {
            /// All of them, in the order of the list.
            pub const ALL: &'static [Family] = &[$(Family::$name,)*];
        }

        const TABLE: &[Row] = &[$($file::ROW,)*];

        #[cfg(test)]
        const FILES: &[&str] = &[$(stringify!($file),)*];
    };
}

// A place in this list is a lane of the swarm: a new family is the last.
families! {
    OffCpu thread_off_cpu;
    WireDelay wire_delay;
    WireSplit wire_split;
    WireStall wire_stall;
    Bandwidth wire_bandwidth;
    SendBuffer buffer_send;
    RecvBuffer buffer_recv;
    Reset wire_reset;
    Interrupt signal_interrupt;
    FdLimit fd_limit;
    Wakeup futex_wakeup;
    RingLate ring_late;
    RingOrder ring_order;
    RingShort ring_short;
    RingAgain ring_again;
    AioLate aio_late;
    DiskTorn disk_torn;
    DiskSpace disk_space;
    DiskSync disk_sync;
    DiskSlow disk_slow;
    ProcessKill process_kill;
    HostPower host_power;
    Partition link_partition;
    ClockDrift clock_drift;
    ClockStep clock_step;
    StreamShortRead stream_short_read;
    StreamShortWrite stream_short_write;
    StreamNotReady stream_not_ready;
    StreamStall stream_stall;
    StreamReset stream_reset;
    NetPartition net_partition;
    NetOneWay net_one_way;
    NetHold net_hold;
    HostCrash host_crash;
    Slow thread_slow;
    Change thread_change;
    WireCoalesce wire_coalesce;
    BlackHole wire_black_hole;
    Swizzle link_swizzle;
    HostGone host_gone;
    Backlog listen_backlog;
    Knob knob;
    DatagramLoss datagram_loss;
    DatagramReorder datagram_reorder;
    DatagramDuplicate datagram_duplicate;
    Preempt thread_preempt;
    RingPool ring_pool;
}

impl Family {
    /// How many there are.
    pub const COUNT: usize = TABLE.len();

    /// Its description: what it changes, how likely and how much, and the source that allows it.
    #[inline]
    pub const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The domain of its choices.
    #[inline]
    pub const fn domain(self) -> Domain {
        self.row().domain()
    }

    /// How its values are distributed when the swarm has drawn this weight for it.
    #[inline]
    pub(crate) const fn distribution(self, weight: u32) -> Distribution {
        self.row().distribution(weight)
    }

    /// Whether it concerns connections.
    pub(crate) const fn is_of_connections(self) -> bool {
        matches!(self.row().of, Object::Direction { .. })
    }

    /// Whether each segment of a direction of a connection asks it.
    pub(crate) const fn is_of_segments(self) -> bool {
        self.is_of_connections() && !self.row().nth.is_empty()
    }

    /// Which lane its choices are in, among those that a direction of a connection makes in one step.
    #[inline]
    pub(crate) const fn lane(self) -> u64 {
        match self.row().of {
            Object::Direction { lane } => lane,
            _ => 0,
        }
    }
}

const USUAL: usize = {
    let (mut at, mut count) = (0, 0);
    while at < TABLE.len() {
        count += TABLE[at].usual as usize;
        at += 1;
    }
    count
};

/// The families that are on in a scenario that names none.
pub const USUAL_FAULTS: &[Family] = &{
    let mut usual = [Family::OffCpu; USUAL];
    let (mut at, mut count) = (0, 0);
    while at < TABLE.len() {
        if TABLE[at].usual {
            usual[count] = Family::ALL[at];
            count += 1;
        }
        at += 1;
    }
    usual
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_family_is_in_the_file_of_its_name() {
        let names = TABLE.iter().map(|row| row.name.replace(['.', '-'], "_"));
        assert_eq!(names.collect::<Vec<_>>(), FILES);
    }

    #[test]
    fn no_two_families_share_a_lane_of_a_step() {
        let lanes = TABLE.iter().filter_map(|row| match row.of {
            Object::Direction { lane } => Some((row.nth, lane)),
            _ => None,
        });
        let all: Vec<_> = lanes.collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn the_text_of_a_distribution_says_what_is_drawn() {
        let text = |family: Family| family.row().distribution_text();
        assert_eq!(text(Family::WireDelay), "0.1-25 %, 1 us to 300 ms (log-uniform)");
        assert_eq!(text(Family::Reset), "0.01-3 %");
        let drawn = Family::WireStall.distribution(16_384);
        assert_eq!(drawn, Distribution::rarely_log(4_096, 1_000_000, 3_000_000_000));
    }
}
