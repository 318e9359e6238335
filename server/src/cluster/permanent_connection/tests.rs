//! A link meets whatever a wire and a server can do: each request gets one answer, and it is its own.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn link() -> PermanentConnection {
    let mut link = PermanentConnection::new(LinkOptions::default(), 1);
    link.begin_connect(0);
    link.connected(0);
    link
}

fn take(link: &mut PermanentConnection, count: usize) -> Vec<u8> {
    let bytes = link.output()[..count.min(link.output().len())].to_vec();
    link.sent(bytes.len());
    bytes
}

#[test]
fn a_late_reply_is_thrown_away_and_the_next_one_finds_its_request() {
    let mut link = link();
    let mut answers = Vec::new();
    link.offer(1, b"one", Protocol::Resp2, 10, 0);
    take(&mut link, 99);
    link.tick(10, |id, answer| answers.push((id, answer)));
    link.offer(2, b"two", Protocol::Resp2, 100, 11);
    take(&mut link, 99);
    let _ = link.received(b"+one\r\n", 12, |id, answer| answers.push((id, answer)));
    let _ = link.received(b"+two\r\n", 13, |id, answer| answers.push((id, answer)));
    assert_eq!(answers, [(1, Answer::Unknown), (2, Answer::Reply("+two\r\n".into()))]);
}

#[test]
fn what_has_not_left_whole_was_not_executed() {
    let mut link = link();
    (1..=3).for_each(|id| assert!(link.offer(id, b"request", Protocol::Resp2, 100, 0)));
    take(&mut link, 10);
    let mut answers = Vec::new();
    link.lost(5, |id, answer| answers.push((id, answer)));
    assert_eq!(answers, [(1, Answer::Unknown), (2, Answer::NotExecuted), (3, Answer::NotExecuted)]);
    assert!(!link.wants_connect(5) && link.wants_connect(5 + 10_000_000));
}

#[test]
fn a_server_that_refuses_is_asked_nothing_until_it_is_there() {
    let mut link = PermanentConnection::new(LinkOptions::default(), 1);
    let offer = |link: &mut PermanentConnection, id| link.offer(id, b"request", Protocol::Resp2, 1000, 0);
    assert!(offer(&mut link, 1), "nobody has tried yet");
    link.begin_connect(0);
    assert!(offer(&mut link, 2));
    let mut answers = Vec::new();
    link.lost(5, |id, answer| answers.push((id, answer)));
    assert_eq!(answers, [(1, Answer::NotExecuted), (2, Answer::NotExecuted)]);
    link.begin_connect(500);
    assert!(!offer(&mut link, 3));
    link.connected(500);
    assert!(offer(&mut link, 4));
    link.lost(600, |_, _| {});
    assert!(offer(&mut link, 5), "it was there a moment ago");
}

#[test]
fn each_request_is_answered_in_its_dialect() {
    let mut link =
        PermanentConnection::new(LinkOptions { password: b"word".to_vec(), ..LinkOptions::default() }, 1);
    link.begin_connect(0);
    link.connected(0);
    let (two, three) = (Protocol::Resp2, Protocol::Resp3);
    for (id, protocol) in [(1, two), (2, three), (3, three), (4, two)] {
        link.offer(id, format!("<{id}>").as_bytes(), protocol, 1000, 0);
    }
    let sent = String::from_utf8(take(&mut link, 999)).unwrap();
    let hello = |number| format!("*2\r\n$5\r\nHELLO\r\n$1\r\n{number}\r\n");
    let expected = format!("*2\r\n$4\r\nAUTH\r\n$4\r\nword\r\n<1>{}<2><3>{}<4>", hello(3), hello(2));
    assert_eq!(sent, expected);
    let mut answers = Vec::new();
    let replies = b"+OK\r\n$-1\r\n%1\r\n+a\r\n:1\r\n_\r\n#t\r\n*1\r\n+b\r\n$-1\r\n";
    link.received(replies, 1, |id, _| answers.push(id)).unwrap();
    assert_eq!(answers, [1, 2, 3, 4]);
}

#[test]
fn what_a_large_request_and_a_large_reply_took_is_given_back() {
    let mut link = link();
    let large = vec![b'x'; 10 << 20];
    link.offer(1, &large, Protocol::Resp2, 1000, 0);
    link.sent(large.len());
    let reply = [format!("${}\r\n", large.len()).as_bytes(), &large, b"\r\n"].concat();
    link.received(&reply, 1, |_, _| {}).unwrap();
    assert!(link.output.capacity() + link.input.capacity() <= 2 * KEPT_BYTES_MAX);
}

#[test]
fn a_reply_to_nothing_ends_the_connection() {
    let mut link = link();
    assert_eq!(link.received(b"+hello\r\n", 0, |_, _| {}), Err(NoReply));
}

#[test]
fn silence_is_tried_and_then_taken_for_death() {
    let mut link = link();
    assert!(link.tick(link.deadline(), |_, _| {}));
    assert_eq!(take(&mut link, 99), PING);
    let at = link.deadline();
    assert!(link.is_healthy(at - 4_800_000_000) && !link.is_healthy(at - 1));
    assert!(!link.tick(at, |_, _| {}));
}

#[test]
fn pauses_grow_with_failures_and_differ() {
    let pauses = |seed| {
        let mut link = PermanentConnection::new(LinkOptions::default(), seed);
        let pause = |_| {
            link.begin_connect(0);
            link.lost(0, |_, _| {});
            link.deadline()
        };
        (0..10).map(pause).collect::<Vec<u64>>()
    };
    let (one, two) = (pauses(1), pauses(2));
    assert!(one[9] > 10 * one[0] && one.iter().all(|pause| *pause <= 250_000_000) && one != two);
}

proptest! {
    #[test]
    fn every_request_gets_one_answer_and_it_is_its_own(
        steps in proptest::collection::vec((0u8..6, 0usize..40), 0..200),
    ) {
        let mut link = PermanentConnection::new(LinkOptions::default(), 1);
        let (mut now, mut id) = (0u64, 0u64);
        let mut answers: BTreeMap<u64, Vec<Answer>> = BTreeMap::new();
        // The server's side of the connection: what came, what it would reply.
        let (mut wire, mut replies): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        for (step, size) in steps {
            now += 50_000_000;
            let mut note = |id: u64, answer: Answer| answers.entry(id).or_default().push(answer);
            match step {
                0 => { id += 1; link.offer(id, format!("{id:05}").as_bytes(), Protocol::Resp2, now + 400_000_000, now); }
                1 if link.wants_connect(now) => { link.begin_connect(now); link.connected(now); wire.clear(); replies.clear(); }
                1 => { link.tick(now, &mut note); }
                2 => wire.extend(take(&mut link, size)),
                3 => {
                    // It executes whole requests; a PING is shorter or longer than five bytes, and begins with a star.
                    while wire.len() >= 5 {
                        if wire.starts_with(b"*") {
                            if wire.len() < PING.len() { break; }
                            wire.drain(..PING.len());
                            replies.extend_from_slice(b"+PONG\r\n");
                        } else {
                            let request: Vec<u8> = wire.drain(..5).collect();
                            replies.extend_from_slice(b"+");
                            replies.extend_from_slice(&request);
                            replies.extend_from_slice(b"\r\n");
                        }
                    }
                }
                4 => {
                    let piece: Vec<u8> = replies.drain(..size.min(replies.len())).collect();
                    prop_assert!(link.received(&piece, now, &mut note).is_ok());
                }
                _ if link.phase() == LinkPhase::Up && size == 0 => { link.lost(now, &mut note); wire.clear(); replies.clear(); }
                _ => {}
            }
        }
        link.lost(now, |id, answer| answers.entry(id).or_default().push(answer));
        link.tick(u64::MAX, |id, answer| answers.entry(id).or_default().push(answer));
        for (number, answers) in (1..=id).map(|number| (number, answers.remove(&number).unwrap_or_default())) {
            prop_assert_eq!(answers.len(), 1, "request {}: {:?}", number, answers);
            if let Answer::Reply(reply) = &answers[0] {
                prop_assert_eq!(reply.clone(), format!("+{number:05}\r\n").into_bytes());
            }
        }
    }
}
