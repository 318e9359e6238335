//! Which choices of an operator go together; a pair that makes no sense is refused with a line that says why.

use super::{Config, ConfigError, Pattern, Role};
use crate::storage_unit::Engine;
use eagain_net::model::ModelKind;

impl Config {
    /// Whether the choices go together.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (model, pattern) = (self.model, self.pattern);
        let refused = |why: &str| Err(ConfigError(format!("{}: {why}", model.name())));
        if self.databases == 0 {
            return Err(ConfigError("--databases 0: there must be at least one".to_owned()));
        }
        if self.workers > 1024 {
            return Err(ConfigError(format!("--workers {}: at most 1024", self.workers)));
        }
        if self.loops == 0 || self.loops > 256 {
            return Err(ConfigError(format!("--loops {}: from 1 to 256", self.loops)));
        }
        if self.depth > 32_768 {
            return Err(ConfigError(format!("--depth {}: at most 32768", self.depth)));
        }
        self.check_role()?;
        if model.is_completion() && pattern == Pattern::Reactor {
            return refused("completions are a proactor's events; use --pattern proactor");
        }
        if model == ModelKind::Blocking && pattern == Pattern::Proactor {
            return refused("calls that wait leave no thread to dispatch completions; use --pattern reactor");
        }
        if self.loops > 1 && matches!(model, ModelKind::Blocking | ModelKind::Aio | ModelKind::Tokio) {
            return refused("there can be only one loop of it in a process; use --loops 1");
        }
        if model == ModelKind::Tokio && pattern == Pattern::Proactor {
            return refused("tokio reports readiness to tasks; use --pattern reactor");
        }
        if model == ModelKind::Tokio && self.workers > 0 {
            return refused("its tasks share one thread, which does the logic too; use --workers 0");
        }
        Ok(())
    }

    /// Whether the role and what goes with it make sense.
    fn check_role(&self) -> Result<(), ConfigError> {
        let role = self.role.name();
        let refused = |why: &str| Err(ConfigError(format!("--role {role}: {why}")));
        if !matches!(self.role, Role::Access | Role::Logic) {
            return match self.backends.is_empty() {
                true => Ok(()),
                false => refused("it keeps the data itself and has no --backends"),
            };
        }
        let mut addresses = self.backends.clone();
        addresses.sort_unstable();
        addresses.dedup();
        match () {
            () if self.backends.is_empty() && self.role == Role::Access => {
                refused("--backends must name its logic servers")
            }
            () if self.backends.is_empty() => refused("--backends must name its storage servers"),
            () if addresses.len() < self.backends.len() => {
                refused("a server is named twice among --backends")
            }
            () if self.backends.contains(&self.listen) => refused("it is named among its own --backends"),
            () if !self.unix_socket.is_empty() => {
                refused("it has no --unixsocket; its clients come to its address")
            }
            () if self.storage != Engine::Memory => {
                refused("it keeps nothing, so that --storage has no meaning; give it to the storage servers")
            }
            () if self.workers > 0 || self.loops > 1 => {
                refused("one thread passes everything on; use --workers 0 and --loops 1")
            }
            () if self.pattern == Pattern::Proactor || self.model == ModelKind::Blocking => {
                refused("it runs on a readiness model, such as --model epoll, with --pattern reactor")
            }
            () => Ok(()),
        }
    }
}
