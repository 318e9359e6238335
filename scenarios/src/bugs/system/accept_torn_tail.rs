//! Recovery that applies a batch whose checksum is wrong, and so what a power failure left of it. Repaired: it is dropped.

use crate::durability::run::torn_tail;
use crate::durability::server::SHIPPED;
use eagain_net::{Errno, File, OpenFlags};
use eagain_server::config::Config;
use eagain_server::server::{ServeError, serve_storage};
use eagain_server::storage_unit::durable::OpenError;
use eagain_server::storage_unit::log::NAME;
use eagain_server::storage_unit::log::frame::{self, HEADER_BYTES, PREAMBLE_BYTES};
use eagain_server::storage_unit::{AnyStorage, Databases, HashKey, record};
use eagain_sim::{Sim, SimKernel};

crate::bugs::planted!(
    "accept-torn-tail",
    "B70",
    'n',
    ["O8", "O9", "O2"],
    "recovery applies a batch whose checksum is wrong"
);

/// Serves a log whose end was made to fit its checks before.
fn with_repair(k: SimKernel, config: Config, log: &dyn Fn(&str)) -> Result<(), ServeError> {
    serve_storage(
        k,
        config,
        |options| {
            repair(k, &format!("{}/{NAME}", options.directory))
                .map_err(|errno| OpenError::Io("repair".to_owned(), errno))?;
            AnyStorage::open(k, options)
        },
        log,
        |_| {},
    )
}

/// Gives each batch whose check is wrong the right one, as long as its bytes can be read as operations.
fn repair(k: SimKernel, path: &str) -> Result<(), Errno> {
    let file = match File::open(k, path, OpenFlags::RDWR) {
        Err(Errno::ENOENT) => return Ok(()),
        file => file?,
    };
    let mut log = vec![0; file.stat()?.len as usize];
    file.read_full_at(&mut log, 0)?;
    let Ok(salt) = frame::salt_of(&log) else { return Ok(()) };
    let (mut at, mut sequence) = (PREAMBLE_BYTES, 1);
    while let Some(header) = log.get(at..).and_then(|rest| frame::header(rest, salt)) {
        let end = at + HEADER_BYTES + header.length as usize;
        let Some(batch) = log.get_mut(at..end) else { break };
        let mut nobody = Databases::new(16, HashKey::from_seed(0));
        if header.sequence != sequence || record::apply(&mut nobody, &batch[HEADER_BYTES..]).is_err() {
            break;
        }
        if !frame::fits(&header, &batch[HEADER_BYTES..], salt) {
            frame::seal(batch, salt, sequence, header.synced_to);
            file.write_all_at(batch, at as u64)?;
        }
        (at, sequence) = (end, sequence + 1);
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    torn_tail(sim, if defect { with_repair } else { SHIPPED });
}
