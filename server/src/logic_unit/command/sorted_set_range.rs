//! Ranges of a sorted set, by rank, by score or by the strings themselves: shown, counted, stored or removed. Every range
//! becomes one of ranks first.

use super::container::{edit_if, lookup, read, store, typed};
use super::sorted_set::put_members;
use super::{Call, Command, ONE_KEY, READ, READ_FAST, TWO_KEYS, WRITE, WRITE_OOM};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::call::range;
use crate::logic_unit::decimal;
use crate::storage_unit::value::SortedSet;
use std::ops::Range;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("sorted-set", "zrange", -4, READ, ONE_KEY, |call| show(call, Query::open(call, 1)?)),
    Command::new("sorted-set", "zrevrange", -4, READ, ONE_KEY, |call| {
        show(call, Query::fixed(call, By::Rank, true)?)
    }),
    Command::new("sorted-set", "zrangebyscore", -4, READ, ONE_KEY, |call| {
        show(call, Query::fixed(call, By::Score, false)?)
    }),
    Command::new("sorted-set", "zrevrangebyscore", -4, READ, ONE_KEY, |call| {
        show(call, Query::fixed(call, By::Score, true)?)
    }),
    Command::new("sorted-set", "zrangebylex", -4, READ, ONE_KEY, |call| {
        show(call, Query::fixed(call, By::Lex, false)?)
    }),
    Command::new("sorted-set", "zrevrangebylex", -4, READ, ONE_KEY, |call| {
        show(call, Query::fixed(call, By::Lex, true)?)
    }),
    Command::new("sorted-set", "zrangestore", -5, WRITE_OOM, TWO_KEYS, zrangestore),
    Command::new("sorted-set", "zcount", 4, READ_FAST, ONE_KEY, |call| count(call, By::Score)),
    Command::new("sorted-set", "zlexcount", 4, READ_FAST, ONE_KEY, |call| count(call, By::Lex)),
    Command::new("sorted-set", "zremrangebyrank", 4, WRITE, ONE_KEY, |call| remove(call, By::Rank)),
    Command::new("sorted-set", "zremrangebyscore", 4, WRITE, ONE_KEY, |call| remove(call, By::Score)),
    Command::new("sorted-set", "zremrangebylex", 4, WRITE, ONE_KEY, |call| remove(call, By::Lex)),
];

/// The unit of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// An end of a range of strings.
#[derive(Clone, Copy, Debug)]
enum Word<'a> {
    /// Before all strings.
    Least,
    /// Behind all strings.
    Most,
    At(&'a [u8]),
    /// Without the string itself.
    Beyond(&'a [u8]),
}

/// The two ends of a range.
#[derive(Clone, Copy, Debug)]
enum Ends<'a> {
    Ranks(i64, i64),
    /// Each with whether the score itself is left out.
    Scores((f64, bool), (f64, bool)),
    Words(Word<'a>, Word<'a>),
}

impl<'a> Ends<'a> {
    fn read(by: By, least: &'a [u8], most: &'a [u8]) -> Result<Self, CommandError> {
        Ok(match by {
            By::Rank => {
                let rank = |text| crate::resp::number::parse_integer(text).ok_or(CommandError::NotAnInteger);
                Ends::Ranks(rank(least)?, rank(most)?)
            }
            By::Score => Ends::Scores(score(least)?, score(most)?),
            By::Lex => Ends::Words(word(least)?, word(most)?),
        })
    }

    /// The ranks of the members between the ends; with `from_back` ranks count from there.
    fn ranks(self, set: &SortedSet, from_back: bool) -> Range<usize> {
        let (start, end) = match self {
            Ends::Ranks(start, end) => {
                let Range { start, end } = range(start, end, set.len());
                if from_back { (set.len() - end, set.len() - start) } else { (start, end) }
            }
            Ends::Scores((least, without_least), (most, without_most)) => (
                set.partition_point(|score, _| score < least || without_least && score == least),
                set.partition_point(|score, _| score < most || !without_most && score == most),
            ),
            Ends::Words(least, most) => (
                set.partition_point(|_, member| match least {
                    Word::Least => false,
                    Word::Most => true,
                    Word::At(word) => member < word,
                    Word::Beyond(word) => member <= word,
                }),
                set.partition_point(|_, member| match most {
                    Word::Least => false,
                    Word::Most => true,
                    Word::At(word) => member <= word,
                    Word::Beyond(word) => member < word,
                }),
            ),
        };
        start..end.max(start)
    }
}

fn score(text: &[u8]) -> Result<(f64, bool), CommandError> {
    let (text, without) = text.strip_prefix(b"(").map_or((text, false), |text| (text, true));
    let score = decimal::double(text).ok_or(CommandError::Said("ERR min or max is not a float"))?;
    Ok((score, without))
}

fn word(text: &[u8]) -> Result<Word<'_>, CommandError> {
    match text {
        b"-" => Ok(Word::Least),
        b"+" => Ok(Word::Most),
        [b'[', word @ ..] => Ok(Word::At(word)),
        [b'(', word @ ..] => Ok(Word::Beyond(word)),
        _ => Err(CommandError::Said("ERR min or max not valid string range item")),
    }
}

/// What `ZRANGE` and its relatives are asked for.
#[derive(Debug)]
struct Query<'a> {
    ends: Ends<'a>,
    from_back: bool,
    /// How many are skipped, and how many are shown; negative: nothing, and all.
    limit: Option<(i64, i64)>,
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// One whose kind the words say; the key is the word at `key`.
    fn open(call: &Call<'a, '_>, key: usize) -> Result<Self, CommandError> {
        Query::read(call, key, None, false)
    }

    /// One whose kind the command says.
    fn fixed(call: &Call<'a, '_>, by: By, from_back: bool) -> Result<Self, CommandError> {
        Query::read(call, 1, Some(by), from_back)
    }

    fn read(
        call: &Call<'a, '_>,
        key: usize,
        fixed: Option<By>,
        mut from_back: bool,
    ) -> Result<Self, CommandError> {
        let (mut by, mut limit, mut with_scores) = (fixed.unwrap_or(By::Rank), None, false);
        let stores = key > 1;
        let mut next = key + 3;
        while next < call.len() {
            if !stores && call.is(next, "withscores") {
                with_scores = true;
            } else if call.is(next, "limit") && next + 2 < call.len() {
                limit = Some((call.integer(next + 1)?, call.integer(next + 2)?));
                next += 2;
            } else if fixed.is_none() && call.is(next, "rev") {
                from_back = true;
            } else if fixed.is_none() && call.is(next, "byscore") {
                by = By::Score;
            } else if fixed.is_none() && call.is(next, "bylex") {
                by = By::Lex;
            } else {
                return Err(CommandError::Syntax);
            }
            next += 1;
        }
        if limit.is_some_and(|(_, count)| count != -1) && by == By::Rank {
            return Err(CommandError::Said(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(CommandError::Said(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (first, second) = (call.at(key + 1), call.at(key + 2));
        let (least, most) = if from_back && by != By::Rank { (second, first) } else { (first, second) };
        Ok(Query { ends: Ends::read(by, least, most)?, from_back, limit, with_scores })
    }

    fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let ranks = self.ends.ranks(set, self.from_back);
        let Some((skipped, count)) = self.limit else { return ranks };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(ranks.len());
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(ranks.len() - skipped);
        if self.from_back {
            ranks.end - skipped - count..ranks.end - skipped
        } else {
            ranks.start + skipped..ranks.start + skipped + count
        }
    }
}

fn show(call: &mut Call<'_, '_>, query: Query<'_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let Some(set) = typed::<SortedSet>(keyspace.read(call.arguments.at(1), call.now_ms))? else {
        call.reply.array(0);
        return Ok(());
    };
    let members = set.range(query.ranks(set)).map(|(member, score)| (member.as_slice(), score));
    if query.from_back {
        put_members(&mut call.reply, members.rev(), query.with_scores);
    } else {
        put_members(&mut call.reply, members, query.with_scores);
    }
    Ok(())
}

fn zrangestore(call: &mut Call<'_, '_>) -> Outcome {
    let query = Query::open(call, 2)?;
    let (target, source, now_ms) = (call.at(1), call.at(2), call.now_ms);
    let keyspace = call.keyspace();
    let mut result = SortedSet::new(keyspace.hash_key());
    if let Some(set) = typed::<SortedSet>(keyspace.read(source, now_ms))? {
        set.range(query.ranks(set)).for_each(|(member, score)| _ = result.insert(member, score));
    }
    call.reply.count(result.len());
    store(call, target, result);
    Ok(())
}

fn count(call: &mut Call<'_, '_>, by: By) -> Outcome {
    let ends = Ends::read(by, call.at(2), call.at(3))?;
    let count = read::<SortedSet>(call)?.map_or(0, |set| ends.ranks(set, false).len());
    call.reply.count(count);
    Ok(())
}

fn remove(call: &mut Call<'_, '_>, by: By) -> Outcome {
    let ends = Ends::read(by, call.at(2), call.at(3))?;
    let removed = match lookup::<SortedSet>(call, call.at(1))? {
        None => 0,
        Some(found) => edit_if(call, found, |set: &mut SortedSet| {
            let ranks = ends.ranks(set, false);
            ranks.clone().rev().for_each(|rank| _ = set.remove_rank(rank));
            (ranks.len(), !ranks.is_empty())
        })?,
    };
    call.reply.count(removed);
    Ok(())
}
