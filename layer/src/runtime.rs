//! A scenario whose world is tokio: one thread, paused time, streams with faults. What runs there has `eagain_sim`'s
//! commands, tests, replay files and shrinking.
//!
//! ```
//! use eagain_layer::on_tokio;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! eagain_sim::scenarios! {
//!     /// What a sweep runs.
//!     pub const SCENARIOS;
//!
//!     /// What is written arrives.
//!     hello(sim) {
//!         on_tokio(sim, |layer| async move {
//!             let (here, there) = tokio::io::duplex(4);
//!             let mut here = layer.stream("here", here);
//!             let writer = tokio::task::spawn_local(async move { here.write_all(b"hello").await });
//!             let mut got = Vec::new();
//!             let read = layer.stream("there", there).read_to_end(&mut got).await;
//!             assert!(read.is_ok() && writer.await.is_ok());
//!             layer.world().always("arrives", got == b"hello", || format!("{got:?}"));
//!         });
//!     }
//! }
//! # fn main() { eagain_sim::testing::test(&SCENARIOS[0], &eagain_sim::site!("holds")) }
//! ```

use crate::layer::{FAULTS, Layer};
use eagain_sim::{Oracle, Sim};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// When faults stop, by the time of the world; what follows is the quiet tail.
pub(crate) const QUIET_AFTER: Duration = Duration::from_secs(20);
/// How long everything may take after that before it counts as stuck.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(120);

/// Runs `body` as the world of this scenario, on a current-thread runtime with paused time, inside a `LocalSet`. The families
/// are [`FAULTS`]; [`on_tokio_with`] takes others. O6 breaks where it never ends.
#[track_caller]
pub fn on_tokio<F: Future<Output = ()>>(sim: &mut Sim, body: impl FnOnce(Layer) -> F) {
    sim.faults(FAULTS);
    on_tokio_with(sim, body);
}

/// As [`on_tokio`], with the families that the scenario has chosen ([`Sim::faults`]), or [`FAULTS`].
#[track_caller]
pub fn on_tokio_with<F: Future<Output = ()>>(sim: &mut Sim, body: impl FnOnce(Layer) -> F) {
    sim.quiet_after(QUIET_AFTER.as_nanos() as u64);
    sim.default_faults(FAULTS);
    let layer = Layer::of(sim.external());
    // Only the clock can fail to be built, and this one is made of nothing.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
    {
        Ok(runtime) => runtime,
        Err(error) => return sim.refuse(format!("no tokio runtime: {error}")),
    };
    let local = tokio::task::LocalSet::new();
    let ended = runtime.block_on(async {
        // Starts the clock.
        layer.world().now();
        let ends = tokio::time::timeout(QUIET_AFTER + STUCK_AFTER, body(layer.clone()));
        let mut world = pin!(local.run_until(ends));
        poll_fn(|cx| match world.as_mut().poll(cx) {
            // Once an oracle broke it is over, whatever still has plans.
            Poll::Pending if layer.world().failed() => Poll::Ready(Ok(())),
            polled => polled,
        })
        .await
    });
    if ended.is_err() {
        let message =
            format!("the scenario did not end within {} s after faults had stopped", STUCK_AFTER.as_secs());
        layer.world().fail(Oracle::Liveness, "stuck", message);
    }
}
