//! `CLIENT`: who is connected, what they call themselves, and how to get rid of them.

use super::{Call, Command, Flags, NO_KEYS, client_pause};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::Order;
use crate::logic_unit::directory::ClientEntry;
use crate::logic_unit::dispatch::{Subcommand, name_subcommands, run_subcommand};
use crate::logic_unit::session::ReplyMode;
use crate::request_queue::After;
use crate::resp::number::parse_integer;

/// The group.
pub const COMMANDS: &[Command] = &[Command::new("connection", "client", -2, Flags::NONE, NO_KEYS, |call| {
    run_subcommand(call, SUBCOMMANDS)
})
.with(SUBCOMMANDS)];

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { full_name: "client|id", arity: 2, run: id },
    Subcommand { full_name: "client|getname", arity: 2, run: getname },
    Subcommand { full_name: "client|setname", arity: 3, run: setname },
    Subcommand { full_name: "client|setinfo", arity: 4, run: setinfo },
    Subcommand { full_name: "client|info", arity: 2, run: info },
    Subcommand { full_name: "client|list", arity: -2, run: list },
    Subcommand { full_name: "client|kill", arity: -3, run: kill },
    Subcommand { full_name: "client|no-evict", arity: 3, run: no_evict },
    Subcommand { full_name: "client|no-touch", arity: 3, run: no_touch },
    Subcommand { full_name: "client|reply", arity: 3, run: reply },
    Subcommand { full_name: "client|unblock", arity: -3, run: client_pause::unblock },
    Subcommand { full_name: "client|pause", arity: -3, run: client_pause::pause },
    Subcommand { full_name: "client|unpause", arity: 2, run: client_pause::unpause },
    Subcommand { full_name: "client|help", arity: 2, run: help },
];

fn id(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.integer(call.session.id as i64);
    Ok(())
}

fn getname(call: &mut Call<'_, '_>) -> Outcome {
    if call.session.profile().name.is_empty() {
        call.reply.null();
    } else {
        call.reply.bulk(&call.session.profile().name);
    }
    Ok(())
}

/// A name is printable and has no blanks: it must not break the lines of `CLIENT LIST`.
fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

pub(super) fn checked_name(name: &[u8]) -> Result<&[u8], CommandError> {
    if is_printable(name) {
        Ok(name)
    } else {
        Err(CommandError::Said("ERR Client names cannot contain spaces, newlines or special characters."))
    }
}

fn setname(call: &mut Call<'_, '_>) -> Outcome {
    call.session.profile_mut().name = checked_name(call.at(2))?.to_vec();
    call.reply.ok();
    Ok(())
}

fn setinfo(call: &mut Call<'_, '_>) -> Outcome {
    let option = call.at(2);
    let is_name = option.eq_ignore_ascii_case(b"lib-name");
    if !is_name && !option.eq_ignore_ascii_case(b"lib-ver") {
        let option = String::from_utf8_lossy(option);
        return Err(CommandError::Text(format!("ERR Unrecognized option '{option}'")));
    }
    let value = call.at(3);
    if !is_printable(value) {
        let option = String::from_utf8_lossy(option);
        return Err(CommandError::Text(format!(
            "ERR {option} cannot contain spaces, newlines or special characters."
        )));
    }
    if is_name {
        call.session.profile_mut().library_name = value.to_vec();
    } else {
        call.session.profile_mut().library_version = value.to_vec();
    }
    call.reply.ok();
    Ok(())
}

/// One line of `CLIENT LIST`.
fn line(call: &Call<'_, '_>, entry: &ClientEntry) -> String {
    let now_ms = call.now_ms;
    let mut flags = String::new();
    if entry.queued >= 0 {
        flags.push('x');
    }
    if entry.no_evict {
        flags.push('e');
    }
    if entry.is_blocked || call.shared.pause.holds(entry.place, now_ms) {
        flags.push('b');
    }
    if is_listener(entry) {
        flags.push('P');
    }
    if flags.is_empty() {
        flags.push('N');
    }
    format!(
        "id={} addr={} laddr={} fd=-1 name={} age={} idle={} flags={flags} db={} sub={} psub={} ssub=0 multi={} \
         qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd={} \
         user=default redir=-1 resp={} lib-name={} lib-ver={}",
        entry.id,
        entry.peer,
        entry.local,
        String::from_utf8_lossy(&entry.profile().name),
        now_ms.saturating_sub(entry.connected_ms) / 1000,
        now_ms.saturating_sub(entry.active_ms) / 1000,
        entry.database,
        entry.subscriptions.0,
        entry.subscriptions.1,
        entry.queued,
        entry.last_command,
        entry.protocol.number(),
        String::from_utf8_lossy(&entry.profile().library_name),
        String::from_utf8_lossy(&entry.profile().library_version),
    )
}

/// `TYPE pubsub`; all others are `normal`.
fn is_listener(entry: &ClientEntry) -> bool {
    entry.subscriptions != (0, 0)
}

/// What others see of this client includes what it is doing now.
fn update_self(call: &mut Call<'_, '_>) {
    call.session.active_ms = call.now_ms;
    call.shared.directory.update(call.session);
}

fn info(call: &mut Call<'_, '_>) -> Outcome {
    update_self(call);
    let mut text = String::new();
    for entry in call.shared.directory.in_order() {
        if entry.id == call.session.id {
            text = line(call, entry) + "\n";
        }
    }
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn list(call: &mut Call<'_, '_>) -> Outcome {
    update_self(call);
    let (mut ids, mut class) = (None, None);
    if call.len() == 4 && call.is(2, "type") {
        class = Some(class_of(call.at(3))?);
    } else if call.len() > 3 && call.is(2, "id") {
        let parsed: Option<Vec<i64>> = call.arguments.from(3).map(parse_integer).collect();
        ids = Some(parsed.ok_or(CommandError::Said("ERR Invalid client ID"))?);
    } else if call.len() != 2 {
        return Err(CommandError::Syntax);
    }
    let mut text = String::new();
    for entry in call.shared.directory.in_order() {
        if ids.as_ref().is_none_or(|ids| ids.contains(&(entry.id as i64)))
            && class.is_none_or(|class| class.has(entry))
        {
            text.push_str(&line(call, entry));
            text.push('\n');
        }
    }
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// What `TYPE` may name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Normal,
    Listener,
    /// Other servers: there are none.
    Server,
}

impl Class {
    fn has(self, entry: &ClientEntry) -> bool {
        self == if is_listener(entry) { Class::Listener } else { Class::Normal }
    }
}

fn class_of(word: &[u8]) -> Result<Class, CommandError> {
    match word.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Class::Normal),
        b"pubsub" => Ok(Class::Listener),
        b"master" | b"replica" | b"slave" => Ok(Class::Server),
        other => {
            let other = String::from_utf8_lossy(other);
            Err(CommandError::Text(format!("ERR Unknown client type '{other}'")))
        }
    }
}

/// Who is to be killed; everything that is named must fit.
#[derive(Default)]
struct Victims<'a> {
    id: Option<u64>,
    peer: Option<&'a [u8]>,
    local: Option<&'a [u8]>,
    class: Option<Class>,
    spare_self: bool,
}

fn kill(call: &mut Call<'_, '_>) -> Outcome {
    let old_form = call.len() == 3;
    let victims =
        if old_form { Victims { peer: Some(call.at(2)), ..Victims::default() } } else { kill_filter(call)? };
    let me = call.session.id;
    let mut killed = 0;
    let mut ids = Vec::new();
    for entry in call.shared.directory.in_order() {
        let fits = victims.class.is_none_or(|class| class.has(entry))
            && victims.id.is_none_or(|id| id == entry.id)
            && victims.peer.is_none_or(|peer| peer == entry.peer.to_string().as_bytes())
            && victims.local.is_none_or(|local| local == entry.local.as_bytes())
            && !(victims.spare_self && entry.id == me);
        if fits {
            killed += 1;
            ids.push(entry.id);
        }
    }
    for client in ids {
        if client == me {
            call.after = After::Close;
        } else {
            call.shared.order(Order::Kill { client });
        }
    }
    match (old_form, killed) {
        (true, 0) => return Err(CommandError::Said("ERR No such client")),
        (true, _) => call.reply.ok(),
        (false, _) => call.reply.integer(killed),
    }
    Ok(())
}

fn kill_filter<'a>(call: &Call<'a, '_>) -> Result<Victims<'a>, CommandError> {
    let mut victims = Victims { spare_self: true, ..Victims::default() };
    let mut next = 2;
    while next < call.len() {
        let Some(value) = call.arguments.get(next + 1) else {
            return Err(CommandError::Syntax);
        };
        if call.is(next, "id") {
            let id = parse_integer(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
            victims.id = Some(id.ok_or(CommandError::Said("ERR client-id should be greater than 0"))?);
        } else if call.is(next, "addr") {
            victims.peer = Some(value);
        } else if call.is(next, "laddr") {
            victims.local = Some(value);
        } else if call.is(next, "type") {
            victims.class = Some(class_of(value)?);
        } else if call.is(next, "user") {
            if value != b"default" {
                let value = String::from_utf8_lossy(value);
                return Err(CommandError::Text(format!("ERR No such user '{value}'")));
            }
        } else if call.is(next, "skipme") {
            victims.spare_self = match value.to_ascii_lowercase().as_slice() {
                b"yes" => true,
                b"no" => false,
                _ => return Err(CommandError::Syntax),
            };
        } else {
            return Err(CommandError::Syntax);
        }
        next += 2;
    }
    Ok(victims)
}

fn on_or_off(call: &Call<'_, '_>) -> Result<bool, CommandError> {
    match call.at(2).to_ascii_lowercase().as_slice() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

fn no_evict(call: &mut Call<'_, '_>) -> Outcome {
    call.session.no_evict = on_or_off(call)?;
    call.reply.ok();
    Ok(())
}

fn no_touch(call: &mut Call<'_, '_>) -> Outcome {
    on_or_off(call)?;
    call.reply.ok();
    Ok(())
}

fn reply(call: &mut Call<'_, '_>) -> Outcome {
    match call.at(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            call.session.reply_mode = ReplyMode::On;
            call.reply.ok();
        }
        b"off" => call.session.reply_mode = ReplyMode::Off,
        b"skip" => {
            if call.session.reply_mode != ReplyMode::Off {
                call.session.reply_mode = ReplyMode::SkipNext;
            }
        }
        _ => return Err(CommandError::Syntax),
    }
    Ok(())
}

fn help(call: &mut Call<'_, '_>) -> Outcome {
    name_subcommands(call, SUBCOMMANDS)
}
