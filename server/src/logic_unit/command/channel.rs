//! Channels: messages to whoever listens at the time.

use super::{Call, Command, Flags, NO_KEYS};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::channels::{Kind, publish};
use crate::logic_unit::dispatch::{Subcommand, name_subcommands, run_subcommand};
use crate::logic_unit::glob;
use crate::resp::Arguments;

const LISTEN: Flags = Flags::PUBSUB.and(Flags::WHILE_SUBSCRIBED);

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("pubsub", "subscribe", -2, LISTEN, NO_KEYS, |call| subscribe(call, Kind::Channel)),
    Command::new("pubsub", "psubscribe", -2, LISTEN, NO_KEYS, |call| subscribe(call, Kind::Pattern)),
    Command::new("pubsub", "unsubscribe", -1, LISTEN, NO_KEYS, |call| unsubscribe(call, Kind::Channel)),
    Command::new("pubsub", "punsubscribe", -1, LISTEN, NO_KEYS, |call| unsubscribe(call, Kind::Pattern)),
    Command::new("pubsub", "publish", 3, Flags::PUBSUB.and(Flags::FAST), NO_KEYS, publish_message),
    Command::new("pubsub", "pubsub", -2, Flags::PUBSUB, NO_KEYS, |call| run_subcommand(call, PUBSUB))
        .with(PUBSUB),
];

const PUBSUB: &[Subcommand] = &[
    Subcommand { full_name: "pubsub|channels", arity: -2, run: channels },
    Subcommand { full_name: "pubsub|numsub", arity: -2, run: numsub },
    Subcommand { full_name: "pubsub|numpat", arity: 2, run: numpat },
    Subcommand { full_name: "pubsub|help", arity: 2, run: help },
];

/// What a request subscribes to, if that is what it does.
pub fn subscribes(request: Arguments<'_>) -> Option<Kind> {
    // First the test that hardly any request passes.
    if !matches!(request.at(0), [b's' | b'S', b'u' | b'U', ..] | [b'p' | b'P', b's' | b'S', ..]) {
        return None;
    }
    let command = super::find(request.at(0)).filter(|command| command.takes(request.len()))?;
    match command.name {
        "subscribe" => Some(Kind::Channel),
        "psubscribe" => Some(Kind::Pattern),
        _ => None,
    }
}

/// One confirmation for each channel.
fn confirm(call: &mut Call<'_, '_>, what: &str, name: Option<&[u8]>) {
    let count = call.session.subscriptions.as_ref().map_or(0, |all| all.len());
    call.reply.push(3);
    call.reply.bulk(what.as_bytes());
    match name {
        Some(name) => call.reply.bulk(name),
        None => call.reply.null(),
    }
    call.reply.count(count);
}

fn subscribe(call: &mut Call<'_, '_>, kind: Kind) -> Outcome {
    let what = if kind == Kind::Channel { "subscribe" } else { "psubscribe" };
    for name in call.arguments.from(1) {
        call.shared.channels.subscribe(call.session, kind, name);
        confirm(call, what, Some(name));
    }
    call.shared.directory.update(call.session);
    Ok(())
}

fn unsubscribe(call: &mut Call<'_, '_>, kind: Kind) -> Outcome {
    let what = if kind == Kind::Channel { "unsubscribe" } else { "punsubscribe" };
    let mut names: Vec<Vec<u8>> = call.arguments.from(1).map(<[u8]>::to_vec).collect();
    if names.is_empty() {
        names = call
            .session
            .subscriptions
            .as_mut()
            .map(|all| kind.of(all).iter().cloned().collect())
            .unwrap_or_default();
        if names.is_empty() {
            confirm(call, what, None);
        }
    }
    for name in names {
        call.shared.channels.unsubscribe(call.session, kind, &name);
        confirm(call, what, Some(&name));
    }
    Ok(())
}

fn publish_message(call: &mut Call<'_, '_>) -> Outcome {
    let (slot, channel, message) = (call.session.slot, call.at(1), call.at(2));
    let mut own = Vec::new();
    // Between the replies of a transaction there is no place for a message.
    let mine = call.may_wait.then_some((slot, &mut own));
    let receivers = publish(call.shared, channel, message, mine);
    call.reply.raw(&own);
    call.reply.count(receivers);
    Ok(())
}

fn channels(call: &mut Call<'_, '_>) -> Outcome {
    if call.len() > 3 {
        return Err(CommandError::Arity("pubsub|channels"));
    }
    let pattern = call.arguments.get(2);
    let fits = |name: &&Vec<u8>| pattern.is_none_or(|pattern| glob::matches(pattern, name));
    let names: Vec<&Vec<u8>> = call.shared.channels.channels.keys().filter(fits).collect();
    call.reply.array(names.len());
    names.iter().for_each(|name| call.reply.bulk(name));
    Ok(())
}

fn numsub(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.array(2 * (call.len() - 2));
    for name in call.arguments.from(2) {
        call.reply.bulk(name);
        let count = call.shared.channels.channels.get(name).map_or(0, |slots| slots.len());
        call.reply.count(count);
    }
    Ok(())
}

fn numpat(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.count(call.shared.channels.patterns.len());
    Ok(())
}

fn help(call: &mut Call<'_, '_>) -> Outcome {
    name_subcommands(call, PUBSUB)
}
