//! `CLIENT PAUSE`, `UNPAUSE` and `UNBLOCK`: commands that are put off, and commands that need not wait any longer.

use super::{Call, Command, Flags, find};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::session::Session;
use crate::logic_unit::{Order, Place, waiting};
use crate::resp::number::parse_integer;

/// Which commands are put off, and until when.
#[derive(Debug, Default)]
pub struct Pause {
    /// Unix milliseconds; 0: there is none.
    until_ms: u64,
    /// Only those that change something.
    only_writes: bool,
    /// Where those are whose commands were put off.
    waiting: Vec<Place>,
}

impl Pause {
    /// For how many milliseconds this command of this client is put off.
    #[inline]
    pub fn puts_off(&mut self, command: &Command, session: &Session, now_ms: u64) -> Option<u64> {
        if self.until_ms == 0 {
            return None;
        }
        self.look(command, session, now_ms)
    }

    #[cold]
    fn look(&mut self, command: &Command, session: &Session, now_ms: u64) -> Option<u64> {
        if self.until_ms <= now_ms {
            *self = Pause::default();
            return None;
        }
        if self.only_writes && !changes(command, session) {
            return None;
        }
        if !self.waiting.contains(&session.place) {
            self.waiting.push(session.place);
        }
        Some(self.until_ms - now_ms)
    }

    /// How many clients have a command that is put off.
    pub(super) fn len(&self, now_ms: u64) -> usize {
        if self.until_ms > now_ms { self.waiting.len() } else { 0 }
    }

    /// Whether the client in this place has one.
    pub(super) fn holds(&self, place: Place, now_ms: u64) -> bool {
        self.until_ms > now_ms && self.waiting.contains(&place)
    }

    /// The client in this place has gone.
    pub(in crate::logic_unit) fn forget(&mut self, place: Place) {
        self.waiting.retain(|other| *other != place);
    }
}

/// Whether the command may be seen elsewhere than in its reply.
fn changes(command: &Command, session: &Session) -> bool {
    let is_seen = |command: &Command| command.flags.has(Flags::WRITE) || command.name == "publish";
    let queued = session.transaction.as_ref().filter(|_| command.name == "exec");
    let queued = queued.into_iter().flat_map(|transaction| transaction.requests.iter());
    is_seen(command) || queued.filter_map(|request| find(request.at(0))).any(is_seen)
}

/// A pause that is under way becomes longer and stricter, never shorter.
pub(super) fn pause(call: &mut Call<'_, '_>) -> Outcome {
    if call.len() > 4 {
        let text = "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.";
        return Err(CommandError::Said(text));
    }
    let only_writes = match call.len() {
        4 if call.is(3, "write") => true,
        4 if !call.is(3, "all") => {
            return Err(CommandError::Said("ERR CLIENT PAUSE mode must be WRITE or ALL"));
        }
        _ => false,
    };
    let ms = parse_integer(call.at(2))
        .ok_or(CommandError::Said("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| CommandError::Said("ERR timeout is negative"))?;
    let end_ms = call.look_again_ms().saturating_add(ms);
    let pause = &mut call.shared.pause;
    let is_under_way = pause.until_ms > call.now_ms;
    pause.only_writes = only_writes && (pause.only_writes || !is_under_way);
    pause.until_ms = pause.until_ms.max(end_ms);
    call.reply.ok();
    Ok(())
}

pub(super) fn unpause(call: &mut Call<'_, '_>) -> Outcome {
    for place in std::mem::take(&mut call.shared.pause).waiting {
        call.shared.order(Order::Look { place });
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn unblock(call: &mut Call<'_, '_>) -> Outcome {
    let error = match call.len() {
        3 => None,
        4 if call.is(3, "timeout") => None,
        4 if call.is(3, "error") => Some("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        _ => return Err(CommandError::Said("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let client = u64::try_from(call.integer(2)?).unwrap_or(0);
    let waited = waiting::give_up(call.databases, call.shared, client, error);
    call.reply.integer(i64::from(waited));
    Ok(())
}
