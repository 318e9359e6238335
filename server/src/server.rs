//! Wires the units together, as the configuration says, and runs them.

use crate::cluster::driver::Driver;
use crate::cluster::link::{self, NewLink};
use crate::cluster::proxy::Proxy;
use crate::config::{Config, Role};
pub use crate::error::ServeError;
use crate::io_unit;
use crate::io_unit::units::{Now, Units};
use crate::logic_unit::LogicUnit;
use crate::storage_unit::AnyStorage;
use crate::storage_unit::any::{Opened, Options};
use crate::storage_unit::durable::OpenError;
#[cfg(feature = "tokio")]
use crate::tokio_driver;
use eagain_net::model::{AnyPoller, ModelKind};
use eagain_net::{Kernel, ListenOptions, SocketAddr, TcpListener};
use std::sync::Arc;

/// Runs a server until it is asked to stop. `ready` is called with the address at which it listens.
pub fn serve<K: Kernel>(kernel: K, config: Config, ready: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    serve_with_log(kernel, config, |_| {}, ready)
}

/// As [`serve`]; `log` gets lines for the operator, such as what was found on the disk.
pub fn serve_with_log<K: Kernel>(
    kernel: K,
    config: Config,
    log: impl Fn(&str),
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    match config.role {
        Role::Single | Role::Storage => {
            serve_storage(kernel, config, |options| AnyStorage::open(kernel, options), log, ready)
        }
        Role::Access | Role::Logic => serve_links(kernel, &config, link::plain, ready),
    }
}

/// Runs a server that keeps the data itself, in a storage that `open` opens.
pub fn serve_storage<K: Kernel>(
    kernel: K,
    config: Config,
    open: impl FnOnce(&Options<'_>) -> Result<Opened<K>, OpenError>,
    log: impl Fn(&str),
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let seed = checked_and_seeded(kernel, &config)?;
    refuse_tokio(&config)?;
    let setup = io_unit::LoopSetup::new(kernel, &config)?;
    // Last, because it writes: whatever else is wrong is reported before.
    let (storage, found) = open_storage(kernel, &config, seed, open)?;
    if let Some(found) = found {
        log(&found);
    }
    // The port that the kernel has chosen, where it was to choose.
    let config = Config { listen: setup.local_addr(), ..config };
    let logic = LogicUnit::new(config.clone(), storage, seed, Now::of(kernel).wall);
    let units = Arc::new(Units::new(kernel, config, logic));
    let ran = io_unit::run(units.clone(), setup, ready);
    let closed = units.close_storage().map_err(ServeError::Storage);
    ran.and(closed)
}

/// Runs an access or a logic server, over links that `new_link` makes.
pub fn serve_links<K: Kernel>(
    kernel: K,
    config: &Config,
    new_link: NewLink,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let seed = checked_and_seeded(kernel, config)?;
    refuse_tokio(config)?;
    let poller =
        AnyPoller::new(kernel, config.model).map_err(|refusal| ServeError::Refused(refusal.to_string()))?;
    let options = ListenOptions { nonblocking: true, ..ListenOptions::default() };
    let listener = TcpListener::bind_with(kernel, config.listen, &options)
        .map_err(|errno| ServeError::Listen(config.listen, errno))?;
    let at = listener.local_addr().map_err(ServeError::Kernel)?;
    let proxy = Proxy::of(config, seed, new_link);
    let driver = Driver::new(kernel, config, seed, proxy, listener, poller).map_err(ServeError::Kernel)?;
    ready(at);
    driver.run().map_err(ServeError::Kernel)
}

/// Only a program may take sockets and time that are not this kernel's.
fn refuse_tokio(config: &Config) -> Result<(), ServeError> {
    match config.model {
        ModelKind::Tokio => {
            Err(ServeError::Refused("tokio: it has sockets of its own, not this kernel's".to_owned()))
        }
        _ => Ok(()),
    }
}

fn checked_and_seeded<K: Kernel>(kernel: K, config: &Config) -> Result<u64, ServeError> {
    config.check().map_err(|error| ServeError::Refused(error.to_string()))?;
    let mut seed = [0; 8];
    kernel.getrandom(&mut seed).map_err(ServeError::Kernel)?;
    Ok(u64::from_le_bytes(seed))
}

/// As [`serve_with_log`], as tasks of tokio on `tokio::net`. The kernel is there for files, entropy and the wall clock.
#[cfg(feature = "tokio")]
pub fn serve_on_tokio<K: Kernel>(
    kernel: K,
    config: Config,
    log: impl Fn(&str),
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let seed = checked_and_seeded(kernel, &config)?;
    if matches!(config.role, Role::Access | Role::Logic) {
        return tokio_driver::net::pass_on(kernel, config, seed, ready);
    }
    let open = || {
        let (storage, found) =
            open_storage(kernel, &config, seed, |options| AnyStorage::open(kernel, options))?;
        if let Some(found) = found {
            log(&found);
        }
        Ok(storage)
    };
    tokio_driver::net::run(kernel, config.clone(), seed, open, ready)
}

/// The storage that `open` opens as the configuration says.
fn open_storage<K: Kernel>(
    kernel: K,
    config: &Config,
    seed: u64,
    open: impl FnOnce(&Options<'_>) -> Result<Opened<K>, OpenError>,
) -> Result<Opened<K>, ServeError> {
    let options = Options {
        engine: config.storage,
        directory: &config.directory,
        policy: config.sync_policy,
        drops_damage: config.drops_damage,
        pid: kernel.getpid(),
        databases: config.databases,
        seed,
        log: config.log.clone(),
    };
    open(&options).map_err(|error| match error {
        OpenError::Damaged(_) => ServeError::Damaged(error.to_string()),
        OpenError::Io(..) | OpenError::Taken { .. } => ServeError::Storage(error.to_string()),
    })
}
