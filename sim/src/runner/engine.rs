//! The executor of simulated worlds: an engine and its stacks, one for each thread of the runner.

use super::Execute;
use crate::choice::Mix;
use crate::run::{RunReport, RunSpec};
use crate::stack::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

impl Execute for Engine {
    fn run(&mut self, spec: &RunSpec) -> RunReport {
        crate::sim::run(spec, self)
    }

    fn run_guided(&mut self, spec: &RunSpec, mix: &Mix) -> Option<RunReport> {
        self.guide = Some(mix.clone());
        Some(crate::sim::run(spec, self))
    }

    fn heartbeat(&self) -> Arc<AtomicU64> {
        Engine::heartbeat(self)
    }

    fn stop(&self) -> Arc<AtomicBool> {
        Engine::stop(self)
    }
}

/// Makes an engine.
pub fn make() -> Box<dyn Execute> {
    Box::new(Engine::new())
}
