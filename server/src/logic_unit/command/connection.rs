//! Commands about the connection itself: greeting, authentication, choice of dialect and database, goodbye.

use super::{Call, Command, Flags, NO_KEYS};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::session::ReplyMode;
use crate::request_queue::After;
use crate::resp::Protocol;
use crate::resp::number::parse_integer;

const GREET: Flags = Flags::FAST.and(Flags::NO_AUTH);

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("connection", "ping", -1, Flags::FAST.and(Flags::WHILE_SUBSCRIBED), NO_KEYS, ping),
    Command::new("connection", "echo", 2, Flags::FAST, NO_KEYS, echo),
    Command::new(
        "connection",
        "quit",
        -1,
        GREET.and(Flags::UNQUEUED).and(Flags::WHILE_SUBSCRIBED),
        NO_KEYS,
        quit,
    ),
    Command::new(
        "connection",
        "reset",
        1,
        GREET.and(Flags::UNQUEUED).and(Flags::WHILE_SUBSCRIBED),
        NO_KEYS,
        reset,
    ),
    Command::new("connection", "select", 2, Flags::FAST, NO_KEYS, select),
    Command::new("connection", "auth", -2, GREET, NO_KEYS, auth),
    Command::new("connection", "hello", -1, GREET, NO_KEYS, hello),
];

const WRONG_PASSWORD: CommandError =
    CommandError::Said("WRONGPASS invalid username-password pair or user is disabled.");

fn ping(call: &mut Call<'_, '_>) -> Outcome {
    // In RESP2 a client that listens could take a status for nothing that it knows.
    if call.session.subscriptions.is_some() && call.reply.protocol() == Protocol::Resp2 && call.len() < 3 {
        call.reply.array(2);
        call.reply.bulk(b"pong");
        call.reply.bulk(call.arguments.get(1).unwrap_or_default());
        return Ok(());
    }
    match call.len() {
        1 => call.reply.simple("PONG"),
        2 => call.reply.bulk(call.arguments.at(1)),
        _ => return Err(CommandError::Arity("ping")),
    }
    Ok(())
}

fn echo(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.bulk(call.arguments.at(1));
    Ok(())
}

fn quit(call: &mut Call<'_, '_>) -> Outcome {
    // The connection may stay for a while: nobody listens there.
    call.shared.channels.unsubscribe_all(call.session);
    call.reply.ok();
    call.after = After::Close;
    Ok(())
}

fn reset(call: &mut Call<'_, '_>) -> Outcome {
    super::transaction::discard_transaction(call.session, call.databases);
    call.shared.channels.unsubscribe_all(call.session);
    call.session.protocol = Protocol::Resp2;
    call.reply.set_protocol(Protocol::Resp2);
    call.session.database = 0;
    if !call.session.profile().name.is_empty() {
        call.session.profile_mut().name.clear();
    }
    call.session.no_evict = false;
    call.session.reply_mode = ReplyMode::On;
    if !call.shared.config.password.is_empty() {
        call.session.authenticated = false;
        call.after = After::Distrust;
    }
    call.reply.simple("RESET");
    Ok(())
}

fn select(call: &mut Call<'_, '_>) -> Outcome {
    call.session.database = database_at(call, 1)?;
    call.reply.ok();
    Ok(())
}

/// The word at `index` as the number of a database.
pub(super) fn database_at(call: &Call<'_, '_>, index: usize) -> Result<usize, CommandError> {
    let out_of_range =
        CommandError::Said("ERR value is out of range, value must between -2147483648 and 2147483647");
    let number = i32::try_from(call.integer(index)?).map_err(|_| out_of_range)?;
    match usize::try_from(number) {
        Ok(number) if number < call.databases.count() => Ok(number),
        _ => Err(CommandError::NoSuchDatabase),
    }
}

fn auth(call: &mut Call<'_, '_>) -> Outcome {
    if call.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let (user, password) = match call.len() {
        2 => {
            if call.shared.config.password.is_empty() {
                return Err(CommandError::Said(
                    "ERR AUTH <password> called without any password configured for the default user. \
                     Are you sure your configuration is correct?",
                ));
            }
            (&b"default"[..], call.at(1))
        }
        _ => (call.at(1), call.at(2)),
    };
    authenticate(call, user, password)?;
    call.reply.ok();
    Ok(())
}

fn authenticate(call: &mut Call<'_, '_>, user: &[u8], password: &[u8]) -> Outcome {
    let expected = &call.shared.config.password;
    // Without a password the only user takes any, as in Redis.
    if user != b"default" || !(expected.is_empty() || same_secret(expected, password)) {
        return Err(WRONG_PASSWORD);
    }
    call.session.authenticated = true;
    call.after = After::Trust;
    Ok(())
}

/// Compares all bytes, however early they differ, so that the time taken tells nothing about the password.
fn same_secret(expected: &[u8], given: &[u8]) -> bool {
    let differing = given.iter().zip(expected.iter().cycle()).fold(0, |sum, (a, b)| sum | (a ^ b));
    differing == 0 && expected.len() == given.len()
}

fn hello(call: &mut Call<'_, '_>) -> Outcome {
    let mut protocol = call.session.protocol;
    let mut next = 1;
    if call.len() >= 2 {
        protocol = match parse_integer(call.at(1)) {
            None => {
                return Err(CommandError::Said("ERR Protocol version is not an integer or out of range"));
            }
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err(CommandError::Said("NOPROTO unsupported protocol version")),
        };
        next = 2;
    }
    let (mut credentials, mut name) = (None, None);
    while next < call.len() {
        let left = call.len() - next - 1;
        if call.is(next, "auth") && left >= 2 {
            credentials = Some((call.at(next + 1), call.at(next + 2)));
            next += 3;
        } else if call.is(next, "setname") && left >= 1 {
            name = Some(super::client::checked_name(call.at(next + 1))?);
            next += 2;
        } else {
            let option = String::from_utf8_lossy(call.at(next)).into_owned();
            return Err(CommandError::Text(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(call, user, password)?;
    }
    if !call.session.authenticated {
        return Err(CommandError::Said(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
             the same time",
        ));
    }
    if let Some(name) = name {
        call.session.profile_mut().name = name.to_vec();
    }
    call.session.protocol = protocol;
    call.reply.set_protocol(protocol);
    let id = call.session.id as i64;
    let reply = &mut call.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(super::info::COMPATIBLE_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(protocol.number());
    reply.bulk(b"id");
    reply.integer(id);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}
