//! Sorted sets: different strings under one key, each with a score. Ranges of them are in `sorted_set_range`, what is
//! made of several in `sorted_set_algebra`, what is taken from an end in `sorted_set_pop`.

use super::container::{draw, edit_if, edit_or_create, lookup, read, typed};
use super::scan::{ScanOptions, put_step};
use super::{Call, Command, ONE_KEY, READ, READ_FAST, WRITE_FAST, WRITE_OOM_FAST};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::decimal;
use crate::resp::encode::double_text;
use crate::resp::{Protocol, Reply};
use crate::storage_unit::SmallBytes;
use crate::storage_unit::value::SortedSet;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("sorted-set", "zadd", -4, WRITE_OOM_FAST, ONE_KEY, zadd),
    Command::new("sorted-set", "zincrby", 4, WRITE_OOM_FAST, ONE_KEY, zincrby),
    Command::new("sorted-set", "zrem", -3, WRITE_FAST, ONE_KEY, zrem),
    Command::new("sorted-set", "zcard", 2, READ_FAST, ONE_KEY, zcard),
    Command::new("sorted-set", "zscore", 3, READ_FAST, ONE_KEY, zscore),
    Command::new("sorted-set", "zmscore", -3, READ_FAST, ONE_KEY, zmscore),
    Command::new("sorted-set", "zrank", 3, READ_FAST, ONE_KEY, |call| rank(call, false)),
    Command::new("sorted-set", "zrevrank", 3, READ_FAST, ONE_KEY, |call| rank(call, true)),
    Command::new("sorted-set", "zrandmember", -2, READ, ONE_KEY, zrandmember),
    Command::new("sorted-set", "zscan", -3, READ, ONE_KEY, zscan),
];

const NOT_A_NUMBER: CommandError = CommandError::Said("ERR resulting score is not a number (NaN)");

/// What `ZADD` was asked to do beside its work.
#[derive(Clone, Copy, Default)]
struct Options {
    only_new: bool,
    only_old: bool,
    only_greater: bool,
    only_less: bool,
    counts_changes: bool,
    adds_up: bool,
}

/// What became of one member.
#[derive(Clone, Copy, PartialEq)]
enum Done {
    Nothing,
    Added(f64),
    Updated(f64),
    /// It had that score already.
    Same(f64),
}

impl Options {
    /// Reads the options from the third word on; the word behind them.
    fn read(call: &Call<'_, '_>) -> Result<(Options, usize), CommandError> {
        let (mut options, mut next) = (Options::default(), 2);
        while next < call.len() {
            match call.at(next).to_ascii_lowercase().as_slice() {
                b"nx" => options.only_new = true,
                b"xx" => options.only_old = true,
                b"gt" => options.only_greater = true,
                b"lt" => options.only_less = true,
                b"ch" => options.counts_changes = true,
                b"incr" => options.adds_up = true,
                _ => break,
            }
            next += 1;
        }
        let words = call.len() - next;
        if words == 0 || !words.is_multiple_of(2) {
            return Err(CommandError::Syntax);
        }
        if options.only_new && options.only_old {
            return Err(CommandError::Said("ERR XX and NX options at the same time are not compatible"));
        }
        let bounds = [options.only_greater, options.only_less, options.only_new];
        if bounds.iter().filter(|option| **option).count() > 1 {
            return Err(CommandError::Said(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if options.adds_up && words > 2 {
            return Err(CommandError::Said("ERR INCR option supports a single increment-element pair"));
        }
        Ok((options, next))
    }

    fn put(self, set: &mut SortedSet, member: &[u8], given: f64) -> Result<Done, CommandError> {
        let old = set.score(member);
        let score = if self.adds_up { old.unwrap_or(0.0) + given } else { given };
        if score.is_nan() {
            return Err(NOT_A_NUMBER);
        }
        let wanted = match old {
            None => !self.only_old,
            Some(old) => {
                !(self.only_new || self.only_greater && score <= old || self.only_less && score >= old)
            }
        };
        if !wanted {
            return Ok(Done::Nothing);
        }
        set.insert(member, score);
        Ok(match old {
            None => Done::Added(score),
            Some(old) if old != score => Done::Updated(score),
            Some(_) => Done::Same(score),
        })
    }
}

/// A word as a score.
pub(super) fn score_at(call: &Call<'_, '_>, index: usize) -> Result<f64, CommandError> {
    decimal::double(call.at(index)).ok_or(CommandError::NotAFloat)
}

fn zadd(call: &mut Call<'_, '_>) -> Outcome {
    let (options, first) = Options::read(call)?;
    let pairs = (first..call.len()).step_by(2);
    let pairs = pairs.map(|at| Ok((score_at(call, at)?, call.at(at + 1))));
    let pairs: Vec<(f64, &[u8])> = pairs.collect::<Result<_, CommandError>>()?;
    let (mut added, mut updated, mut last) = (0, 0, Done::Nothing);
    edit_or_create(call, call.at(1), |set: &mut SortedSet| {
        let mut put_all = || {
            for (score, member) in &pairs {
                last = options.put(set, member, *score)?;
                added += i64::from(matches!(last, Done::Added(_)));
                updated += i64::from(matches!(last, Done::Updated(_)));
            }
            Ok(())
        };
        let result = put_all();
        (result, added + updated > 0)
    })??;
    if !options.adds_up {
        call.reply.integer(if options.counts_changes { added + updated } else { added });
        return Ok(());
    }
    match last {
        Done::Nothing => call.reply.null(),
        Done::Added(score) | Done::Updated(score) | Done::Same(score) => call.reply.double(score),
    }
    Ok(())
}

fn zincrby(call: &mut Call<'_, '_>) -> Outcome {
    let (step, member) = (score_at(call, 2)?, call.at(3));
    let options = Options { adds_up: true, ..Options::default() };
    let done = edit_or_create(call, call.at(1), |set: &mut SortedSet| {
        let done = options.put(set, member, step);
        let changed = matches!(done, Ok(Done::Added(_) | Done::Updated(_)));
        (done, changed)
    })??;
    if let Done::Added(score) | Done::Updated(score) | Done::Same(score) = done {
        call.reply.double(score);
    }
    Ok(())
}

fn zrem(call: &mut Call<'_, '_>) -> Outcome {
    let members = call.arguments.from(2);
    let removed = match lookup::<SortedSet>(call, call.at(1))? {
        None => 0,
        Some(found) => edit_if(call, found, |set: &mut SortedSet| {
            let removed = members.filter(|member| set.remove(member).is_some()).count();
            (removed, removed > 0)
        })?,
    };
    call.reply.count(removed);
    Ok(())
}

fn zcard(call: &mut Call<'_, '_>) -> Outcome {
    let count = read::<SortedSet>(call)?.map_or(0, SortedSet::len);
    call.reply.count(count);
    Ok(())
}

fn zscore(call: &mut Call<'_, '_>) -> Outcome {
    let member = call.at(2);
    match read::<SortedSet>(call)?.and_then(|set| set.score(member)) {
        Some(score) => call.reply.double(score),
        None => call.reply.null(),
    }
    Ok(())
}

fn zmscore(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let set = typed::<SortedSet>(keyspace.read(call.arguments.at(1), call.now_ms))?;
    call.reply.array(call.arguments.len() - 2);
    for member in call.arguments.from(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => call.reply.double(score),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn rank(call: &mut Call<'_, '_>, from_end: bool) -> Outcome {
    let member = call.at(2);
    let rank = read::<SortedSet>(call)?.and_then(|set| {
        let rank = set.rank(member)?;
        Some(if from_end { set.len() - 1 - rank } else { rank })
    });
    match rank {
        Some(rank) => call.reply.count(rank),
        None => call.reply.null(),
    }
    Ok(())
}

/// Members, and their scores if asked for: in RESP3 each member with its score is an array.
pub(super) fn put_members<'a>(
    reply: &mut Reply<'_>,
    members: impl ExactSizeIterator<Item = (&'a [u8], f64)>,
    with_scores: bool,
) {
    let as_pairs = with_scores && reply.protocol() == Protocol::Resp3;
    reply.array(if with_scores && !as_pairs { members.len() * 2 } else { members.len() });
    for (member, score) in members {
        if as_pairs {
            reply.array(2);
        }
        reply.bulk(member);
        if with_scores {
            reply.double(score);
        }
    }
}

fn zrandmember(call: &mut Call<'_, '_>) -> Outcome {
    let (count, with_scores) = super::hash::draw_count(call, "withscores")?;
    let Some(length) = read::<SortedSet>(call)?.map(SortedSet::len) else {
        if count.is_some() {
            call.reply.array(0)
        } else {
            call.reply.null()
        }
        return Ok(());
    };
    let drawn = draw(call, count.unwrap_or(-1), length)?;
    let keyspace = call.databases.at(call.session.database);
    if let Some(set) = typed::<SortedSet>(keyspace.stored(call.arguments.at(1)).map(|(value, _)| value))? {
        let members = set.members();
        if count.is_none() {
            drawn.iter().for_each(|at| call.reply.bulk(members.key_at(*at)));
        } else {
            let drawn = drawn.iter().map(|at| (members.key_at(*at).as_slice(), *members.value_at(*at)));
            put_members(&mut call.reply, drawn, with_scores);
        }
    }
    Ok(())
}

fn zscan(call: &mut Call<'_, '_>) -> Outcome {
    let mut options = ScanOptions::at_cursor(call, 2)?;
    let mut found: Vec<(SmallBytes, f64)> = Vec::new();
    if read::<SortedSet>(call)?.is_some() {
        options.read(call, 3, false)?;
    }
    let cursor = read::<SortedSet>(call)?.map_or(0, |set| {
        let show = |member: &SmallBytes, score: &f64| found.push((member.clone(), *score));
        options.walk(set.members(), !set.is_large(), show)
    });
    put_step(call, cursor, found.len() * 2);
    for (member, score) in found {
        call.reply.bulk(&member);
        call.reply.bulk(double_text(score).as_bytes());
    }
    Ok(())
}
