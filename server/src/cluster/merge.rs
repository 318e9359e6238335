//! Several answers made into one. Where a part has failed the whole is an error that names the servers and says of each
//! what is known.

use super::permanent_connection::Answer;
use super::reply_span::{bulk, elements, integer};
use crate::resp::{Protocol, Reply};

/// How answers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Integers are added.
    Sum,
    /// Elements go where their keys were.
    Pick,
    /// All say the same.
    Same,
    /// Arrays one behind the other.
    Concat,
    /// The first one that is something.
    Any,
    /// A step of a walk over the keys of one server of several; its cursor becomes that of the whole walk.
    Scan {
        /// Which.
        server: usize,
        /// Of how many.
        servers: usize,
    },
}

/// One server's part.
#[derive(Debug)]
pub struct Answered<'a> {
    /// Who was asked.
    pub server: &'a str,
    /// For which of the keys.
    pub positions: &'a [usize],
    /// What became of it.
    pub answer: &'a Answer,
}

/// The reply to the whole request.
pub fn merge(merge: Merge, parts: &[Answered<'_>]) -> Vec<u8> {
    let replies: Option<Vec<&[u8]>> = parts.iter().map(|part| good(part.answer)).collect();
    replies.and_then(|replies| put_together(merge, parts, &replies)).unwrap_or_else(|| failure(parts))
}

fn good(answer: &Answer) -> Option<&[u8]> {
    match answer {
        Answer::Reply(reply) if !reply.starts_with(b"-") => Some(reply),
        _ => None,
    }
}

fn put_together(merge: Merge, parts: &[Answered<'_>], replies: &[&[u8]]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match merge {
        Merge::Same => out.extend_from_slice(replies.first()?),
        Merge::Any => {
            let is_null = |reply: &&&[u8]| matches!(**reply, b"$-1\r\n" | b"_\r\n");
            out.extend_from_slice(replies.iter().find(|reply| !is_null(reply)).or(replies.first())?);
        }
        Merge::Sum => {
            let sum = replies.iter().try_fold(0i64, |sum, reply| sum.checked_add(integer(reply)?))?;
            Reply::new(&mut out, Protocol::Resp2).integer(sum);
        }
        Merge::Concat => {
            let arrays: Vec<Vec<&[u8]>> =
                replies.iter().map(|reply| elements(reply)).collect::<Option<_>>()?;
            Reply::new(&mut out, Protocol::Resp2).array(arrays.iter().map(Vec::len).sum());
            arrays.iter().flatten().for_each(|element| out.extend_from_slice(element));
        }
        Merge::Scan { server, servers } => {
            let elements = elements(replies.first()?)?;
            let [cursor, keys] = elements.as_slice() else { return None };
            let next = scan_cursor(bulk(cursor)?, server as u64, servers as u64)?;
            let mut reply = Reply::new(&mut out, Protocol::Resp2);
            reply.array(2);
            reply.bulk(next.to_string().as_bytes());
            out.extend_from_slice(keys);
        }
        Merge::Pick => {
            let count = parts.iter().map(|part| part.positions.len()).sum();
            let mut picked: Vec<Option<&[u8]>> = vec![None; count];
            for (part, reply) in parts.iter().zip(replies) {
                let elements = elements(reply).filter(|elements| elements.len() == part.positions.len())?;
                for (position, element) in part.positions.iter().zip(elements) {
                    *picked.get_mut(*position)? = Some(element);
                }
            }
            Reply::new(&mut out, Protocol::Resp2).array(count);
            for element in picked {
                out.extend_from_slice(element?);
            }
        }
    }
    Some(out)
}

/// The cursor behind a step on `server` that ended with this one of its own: of the next server where that was its last.
fn scan_cursor(its_own: &[u8], server: u64, servers: u64) -> Option<u64> {
    let its_own: u64 = std::str::from_utf8(its_own).ok()?.parse().ok()?;
    match (its_own, server + 1 < servers) {
        (0, false) => Some(0),
        (0, true) => Some(server + 1),
        _ => its_own.checked_mul(servers)?.checked_add(server),
    }
}

/// What is known of each part.
fn failure(parts: &[Answered<'_>]) -> Vec<u8> {
    let executed = parts.iter().filter(|part| good(part.answer).is_some()).count();
    let all_idle = parts.iter().all(|part| *part.answer == Answer::NotExecuted);
    let code = if all_idle { "CLUSTERDOWN" } else { "PARTIAL" };
    let mut text = format!("{code} {executed} of {} storage servers did their part", parts.len());
    for part in parts {
        let fate = match part.answer {
            Answer::NotExecuted => "not executed".to_owned(),
            Answer::Unknown => "outcome unknown".to_owned(),
            Answer::Reply(reply) if reply.starts_with(b"-") => {
                String::from_utf8_lossy(&reply[1..]).trim_end().to_owned()
            }
            Answer::Reply(_) => continue,
        };
        let keys = part.positions.len();
        let of = if keys > 0 { format!(" ({keys} keys)") } else { String::new() };
        text.push_str(&format!("; {}{of}: {fate}", part.server));
    }
    let mut out = Vec::new();
    Reply::new(&mut out, Protocol::Resp2).error(&text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(how: Merge, parts: &[(&[usize], Answer)]) -> String {
        let names: Vec<String> = (0..parts.len()).map(|at| format!("s{at}")).collect();
        let answered = |(name, (positions, answer))| Answered { server: name, positions, answer };
        let names = names.iter().map(String::as_str);
        let parts: Vec<Answered<'_>> =
            names.zip(parts.iter().map(|(positions, answer)| (*positions, answer))).map(answered).collect();
        String::from_utf8(merge(how, &parts)).unwrap()
    }

    #[test]
    fn parts_become_a_whole_or_an_error_that_names_them() {
        let reply = |text: &str| Answer::Reply(text.as_bytes().to_vec());
        assert_eq!(merged(Merge::Sum, &[(&[0], reply(":2\r\n")), (&[1], reply(":3\r\n"))]), ":5\r\n");
        let parts =
            [(&[0, 2][..], reply("*2\r\n$1\r\na\r\n$-1\r\n")), (&[1][..], reply("*1\r\n$1\r\nb\r\n"))];
        assert_eq!(merged(Merge::Pick, &parts), "*3\r\n$1\r\na\r\n$1\r\nb\r\n$-1\r\n");
        let parts = [(&[][..], reply("*1\r\n$1\r\na\r\n")), (&[][..], reply("*0\r\n"))];
        assert_eq!(merged(Merge::Concat, &parts), "*1\r\n$1\r\na\r\n");
        let parts = [(&[][..], reply("$-1\r\n")), (&[][..], reply("$1\r\na\r\n"))];
        assert_eq!(merged(Merge::Any, &parts), "$1\r\na\r\n");
        let walk = |server| Merge::Scan { server, servers: 2 };
        let step = |cursor| [(&[][..], reply(&format!("*2\r\n$1\r\n{cursor}\r\n*1\r\n$1\r\na\r\n")))];
        let cursors = [(0, 3), (0, 0), (1, 3), (1, 0)].map(|(server, cursor)| {
            let merged = merged(walk(server), &step(cursor));
            merged.split("\r\n").nth(2).map(str::to_owned)
        });
        assert_eq!(cursors.map(Option::unwrap), ["6", "1", "7", "0"]);
        let parts = [
            (&[0][..], reply("+OK\r\n")),
            (&[1, 2][..], Answer::Unknown),
            (&[3][..], reply("-MISCONF full\r\n")),
        ];
        assert_eq!(
            merged(Merge::Same, &parts),
            "-PARTIAL 1 of 3 storage servers did their part; s1 (2 keys): outcome unknown; s2 (1 keys): MISCONF full\r\n"
        );
        let parts = [(&[0][..], Answer::NotExecuted), (&[1][..], Answer::NotExecuted)];
        assert!(merged(Merge::Same, &parts).starts_with("-CLUSTERDOWN 0 of 2"));
    }
}
