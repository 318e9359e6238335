//! `CONFIG`: what the operator chose, read and changed while the server runs.

use super::{Call, Command, Flags, NO_KEYS};
use crate::config::parameters::{self, SetError};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::dispatch::{Subcommand, run_subcommand};
use crate::logic_unit::glob;

/// The group.
pub const COMMANDS: &[Command] =
    &[Command::new("server", "config", -2, Flags::ADMIN, NO_KEYS, |call| run_subcommand(call, SUBCOMMANDS))
        .with(SUBCOMMANDS)];

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { full_name: "config|get", arity: -3, run: get },
    Subcommand { full_name: "config|set", arity: -4, run: set },
    Subcommand { full_name: "config|resetstat", arity: 2, run: resetstat },
];

fn get(call: &mut Call<'_, '_>) -> Outcome {
    let fits =
        |name: &str| call.arguments.from(2).any(|pattern| glob::matches_any_case(pattern, name.as_bytes()));
    let found: Vec<(&str, Vec<u8>)> =
        parameters::all(&call.shared.config).filter(|(name, _)| fits(name)).collect();
    call.reply.map(found.len());
    for (name, value) in found {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(&value);
    }
    Ok(())
}

fn set(call: &mut Call<'_, '_>) -> Outcome {
    if !call.len().is_multiple_of(2) {
        return Err(CommandError::Arity("config|set"));
    }
    // All or nothing: what is wrong with the third parameter must not leave the first two changed.
    let mut config = call.shared.config.clone();
    for at in (2..call.len()).step_by(2) {
        let name = call.at(at);
        if (2..at).step_by(2).any(|other| call.at(other).eq_ignore_ascii_case(name)) {
            let name = String::from_utf8_lossy(name);
            return Err(CommandError::Text(format!(
                "ERR CONFIG SET failed (possibly related to argument '{name}') - duplicate parameter"
            )));
        }
        parameters::set(&mut config, name, call.at(at + 1)).map_err(|error| {
            let name = String::from_utf8_lossy(name);
            CommandError::Text(match error {
                SetError::Unknown => {
                    format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
                }
                error => format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {error}"),
            })
        })?;
    }
    call.shared.configure(config);
    call.reply.ok();
    Ok(())
}

fn resetstat(call: &mut Call<'_, '_>) -> Outcome {
    call.shared.counters.reset();
    call.databases.iter_mut().for_each(|keyspace| keyspace.reset_counters());
    call.reply.ok();
    Ok(())
}
