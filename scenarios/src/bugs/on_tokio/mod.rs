//! Planted bugs of programs on tokio, found by the stream layer: each once with pipes under plain tokio (paused time), and
//! once over `turmoil::net`. The program is the same in both, the defect is behind one switch, and the twin is the same
//! program without it. Two are of our own cluster's links, and over
//! turmoil only.
//!
//! | bug | what is wrong | repaired |
//! |---|---|---|
//! | `short_write` | a `write` is assumed to write all | `write_all` |
//! | `read_once` | a `read` is assumed to return a whole request | read until it is whole |
//! | `no_back_pressure` | replies that nobody takes are queued without a bound | a bounded queue |
//! | `late_reply` | a `select!` gives up on a reply; the connection is used for the next question | it is dropped |
//! | `half_a_frame` | a `select!` drops a read that has half of a frame | the half is kept |

mod connector;
mod double_apply;
mod half_a_frame;
mod late_reply;
mod no_back_pressure;
mod read_once;
mod reply_mix_up;
mod short_write;

use eagain_sim::PlantedBug;

/// All of them: the bug on pipes, then the same over turmoil.
pub(super) const PLANTED: &[PlantedBug] = &[
    short_write::TOKIO,
    short_write::TURMOIL,
    read_once::TOKIO,
    read_once::TURMOIL,
    no_back_pressure::TOKIO,
    no_back_pressure::TURMOIL,
    late_reply::TOKIO,
    late_reply::TURMOIL,
    half_a_frame::TOKIO,
    half_a_frame::TURMOIL,
    reply_mix_up::TURMOIL,
    double_apply::TURMOIL,
];

/// A bug in both worlds, from its [`connector::Program`].
macro_rules! planted_on_tokio {
    ($program:ty, $name:literal, $source:literal, $class:literal, [$($oracle:literal),+], $about:literal) => {
        /// On pipes under plain tokio.
        pub const TOKIO: eagain_sim::PlantedBug = on_pipes::BUG;
        /// Over turmoil.
        pub const TURMOIL: eagain_sim::PlantedBug = over_turmoil::BUG;

        mod on_pipes {
            fn build(sim: &mut eagain_sim::Sim, defect: bool) {
                super::super::connector::on_pipes::<$program>(sim, defect);
            }
            crate::bugs::planted!(
                @named concat!("tokio-", $name), concat!("tokio-", $name, "-twin"),
                $source, $class, [$($oracle),+], $about
            );
        }

        mod over_turmoil {
            fn build(sim: &mut eagain_sim::Sim, defect: bool) {
                super::super::connector::over_turmoil::<$program>(sim, defect);
            }
            crate::bugs::planted!(
                @named concat!("turmoil-", $name), concat!("turmoil-", $name, "-twin"),
                $source, $class, [$($oracle),+], $about
            );
        }
    };
}
use planted_on_tokio;
