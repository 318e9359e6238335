//! A proxy without sockets: which server gets what, and what is tried again when a connection is lost.

use super::*;
use crate::cluster::link::plain;
use crate::request_queue::RequestBatch;
use std::collections::BTreeSet;

const TIMEOUT_NS: u64 = 3_000_000_000;

/// A proxy before two servers, to both of which it is connected.
fn proxy(role: Role) -> Proxy {
    let names = vec!["a".to_owned(), "b".to_owned()];
    let mut proxy = Proxy::new(role, names, TIMEOUT_NS, &LinkOptions::default(), 1, plain);
    for server in 0..2 {
        proxy.link(server).begin_connect(0);
        proxy.connected(server, 0);
    }
    proxy
}

fn submit(proxy: &mut Proxy, number: u64, request: &str) {
    let batch = RequestBatch::of_words(request);
    assert!(proxy.submit(7, number, batch.request(0), Protocol::Resp2, 0), "{request}");
}

/// What each server is to be sent.
fn waits(proxy: &mut Proxy) -> [String; 2] {
    [0, 1].map(|server| String::from_utf8_lossy(proxy.link(server).output()).into_owned())
}

/// The replies that are due, by the numbers of their requests.
fn due(proxy: &mut Proxy) -> Vec<(u64, String)> {
    let text = |due: Due| (due.number, String::from_utf8_lossy(&due.bytes).into_owned());
    proxy.take_due().into_iter().map(text).collect()
}

/// One that is tried with another server can come behind a later one that goes to the first server again.
#[test]
fn a_publish_that_has_not_left_whole_is_refused_and_not_tried_elsewhere() {
    let mut proxy = proxy(Role::Access);
    submit(&mut proxy, 0, "PUBLISH news one");
    submit(&mut proxy, 1, "PUBLISH news two");
    let before = waits(&mut proxy);
    let home = before.iter().position(|output| !output.is_empty()).unwrap();
    assert!(before[home].contains("one") && before[home].contains("two"), "{before:?}");
    proxy.link(home).sent(before[home].len() - 1);
    proxy.lost(home, 1);
    let due = due(&mut proxy);
    assert_eq!(due.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1]);
    assert!(due[0].1.starts_with("-UNKNOWN") && due[1].1.starts_with("-CLUSTERDOWN"), "{due:?}");
    assert_eq!(waits(&mut proxy), ["", ""]);
}

#[test]
fn any_other_request_that_has_not_left_whole_is_tried_with_another_server() {
    let mut proxy = proxy(Role::Access);
    submit(&mut proxy, 0, "SET key value");
    let before = waits(&mut proxy);
    let one = before.iter().position(|output| !output.is_empty()).unwrap();
    proxy.link(one).sent(before[one].len() - 1);
    proxy.lost(one, 1);
    assert_eq!((due(&mut proxy), &waits(&mut proxy)[1 - one]), (Vec::new(), &before[one]));
}

#[test]
fn requests_of_one_client_go_by_one_server_until_all_are_answered() {
    let mut proxy = proxy(Role::Access);
    let count = 4 * LOAD_MIN as u64;
    (0..count).for_each(|number| submit(&mut proxy, number, "INCR key"));
    let before = waits(&mut proxy);
    assert!(before.iter().any(String::is_empty), "both have requests of one client");
    assert!(!proxy.ways.is_empty());
    let one = before.iter().position(|output| !output.is_empty()).unwrap();
    proxy.link(one).sent(before[one].len());
    proxy.received(one, &b":1\r\n".repeat(count as usize), 1).unwrap();
    assert_eq!(due(&mut proxy).len() as u64, count);
    assert!(proxy.ways.is_empty());
}

#[test]
fn a_random_key_is_one_of_any_server() {
    let mut proxy = proxy(Role::Logic);
    let mut keys = BTreeSet::new();
    for number in 0..64 {
        submit(&mut proxy, number, "RANDOMKEY");
        for (server, reply) in [b"$1\r\na\r\n", b"$1\r\nb\r\n"].into_iter().enumerate() {
            let length = proxy.link(server).output().len();
            proxy.link(server).sent(length);
            proxy.received(server, reply, 1).unwrap();
        }
        keys.extend(due(&mut proxy).into_iter().map(|(_, key)| key));
    }
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["$1\r\na\r\n", "$1\r\nb\r\n"]);
}
