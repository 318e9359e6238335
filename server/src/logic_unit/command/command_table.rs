//! `COMMAND`: the table of commands, as clients ask for it.

use super::{Call, Command, Flags, NO_KEYS, all, find};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::dispatch::{Subcommand, run_subcommand};
use crate::logic_unit::glob;

/// The group.
pub const COMMANDS: &[Command] =
    &[Command::new("server", "command", -1, Flags::NONE, NO_KEYS, command).with(SUBCOMMANDS)];

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { full_name: "command|count", arity: 2, run: count },
    Subcommand { full_name: "command|info", arity: -2, run: info },
    Subcommand { full_name: "command|docs", arity: -2, run: docs },
    Subcommand { full_name: "command|list", arity: -2, run: list },
    Subcommand { full_name: "command|getkeys", arity: -4, run: getkeys },
];

fn command(call: &mut Call<'_, '_>) -> Outcome {
    if call.len() > 1 {
        return run_subcommand(call, SUBCOMMANDS);
    }
    describe_all(call);
    Ok(())
}

fn describe_all(call: &mut Call<'_, '_>) {
    call.reply.array(super::COUNT);
    all().for_each(|command| describe(call, command));
}

fn describe(call: &mut Call<'_, '_>, command: &Command) {
    let reply = &mut call.reply;
    let (first, last, step) = command.keys;
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.integer(command.arity.into());
    reply.set(command.flags.names().count());
    command.flags.names().for_each(|name| reply.simple(name));
    reply.integer(first.into());
    reply.integer(last.into());
    reply.integer(step.into());
    // Access categories, tips, key specifications and subcommands are left empty.
    (0..4).for_each(|_| reply.array(0));
}

fn count(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.count(super::COUNT);
    Ok(())
}

fn info(call: &mut Call<'_, '_>) -> Outcome {
    if call.len() == 2 {
        describe_all(call);
        return Ok(());
    }
    call.reply.array(call.len() - 2);
    for name in call.arguments.from(2) {
        match find(name) {
            Some(command) => describe(call, command),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn docs(call: &mut Call<'_, '_>) -> Outcome {
    let wanted: Vec<&Command> =
        if call.len() == 2 { all().collect() } else { call.arguments.from(2).filter_map(find).collect() };
    call.reply.map(wanted.len());
    for command in wanted {
        call.reply.bulk(command.name.as_bytes());
        call.reply.map(2);
        call.reply.bulk(b"group");
        call.reply.bulk(command.group.as_bytes());
        call.reply.bulk(b"arity");
        call.reply.integer(command.arity.into());
    }
    Ok(())
}

fn list(call: &mut Call<'_, '_>) -> Outcome {
    let names: Vec<&str> = if call.len() == 2 {
        all().map(|command| command.name).collect()
    } else if call.len() == 5 && call.is(2, "filterby") && call.is(3, "pattern") {
        let pattern = call.at(4);
        let fits = |command: &&Command| glob::matches_any_case(pattern, command.name.as_bytes());
        all().filter(fits).map(|command| command.name).collect()
    } else if call.len() == 5 && call.is(2, "filterby") && (call.is(3, "module") || call.is(3, "aclcat")) {
        Vec::new()
    } else {
        return Err(CommandError::Syntax);
    };
    call.reply.array(names.len());
    names.iter().for_each(|name| call.reply.bulk(name.as_bytes()));
    Ok(())
}

fn getkeys(call: &mut Call<'_, '_>) -> Outcome {
    let Some(command) = find(call.at(2)) else {
        return Err(CommandError::Said("ERR Invalid command specified"));
    };
    let request = call.arguments.behind(2);
    if command.keys.0 == 0 && command.numbered == 0 {
        return Err(CommandError::Said("ERR The command has no key arguments"));
    }
    if !command.takes(request.len()) {
        return Err(CommandError::Said("ERR Invalid number of arguments specified for command"));
    }
    let keys: Vec<&[u8]> = command.keys_of(request).collect();
    if keys.is_empty() {
        return Err(CommandError::Said("ERR Invalid arguments specified for command"));
    }
    call.reply.array(keys.len());
    keys.iter().for_each(|key| call.reply.bulk(key));
    Ok(())
}
