//! How many requests of one client a proxy has under way at a time. All clients share the links to the servers behind, whose
//! replies come in the order of the requests: a client that asks for much and reads nothing must not have so much of it
//! under way that the others wait for it.
//!
//! A client begins with one request and gets one more with each reply, as long as what is under way, at the average size of
//! its replies, and what waits to be sent to it fit into the budget together. So one that asks for large values has few under
//! way, and one that takes none of its replies costs the budget once. An error widens nothing. How large a reply will be is not
//! known before: one that has asked for small values and then asks for large ones has up to [`REQUESTS_MAX`] of those under way.

use crate::config::{Config, Role};
use crate::logic_unit::command::channel::subscribes;
use crate::resp::Arguments;
use std::collections::VecDeque;

/// Requests under way, beside those of a logic server's own clients, which are access servers.
const REQUESTS_MAX: u64 = 128;
/// A connection of an access server carries the requests of many clients, and is always read from.
const CLIENTS_OF_A_SERVER: usize = 16;

/// The bound of one connection.
#[derive(Clone, Debug)]
pub struct Window {
    /// Bytes of requests, and of replies as far as they can be foreseen; at least 1.
    bytes_max: usize,
    requests_max: u64,
    /// Requests that may be under way; from 1 to `requests_max`.
    requests: u64,
    /// Of the replies so far, the latest counting most.
    reply_bytes: usize,
    /// Sizes of the requests under way, oldest first, and their sum.
    sizes: VecDeque<usize>,
    bytes: usize,
    /// The next request waits until nothing is under way.
    is_barred: bool,
}

impl Window {
    /// That of each client of a server with a role that passes requests on.
    pub fn of(config: &Config) -> Window {
        let (bytes, requests) = (config.limits.output_bytes_high, config.limits.in_flight_max as u64);
        match config.role {
            Role::Logic => Window::new(bytes.saturating_mul(CLIENTS_OF_A_SERVER), requests),
            _ => Window::new(bytes, requests.min(REQUESTS_MAX)),
        }
    }

    /// A window of so many bytes and requests at most.
    pub fn new(bytes_max: usize, requests_max: u64) -> Window {
        Window {
            bytes_max: bytes_max.max(1),
            requests_max: requests_max.max(1),
            requests: 1,
            reply_bytes: 0,
            sizes: VecDeque::new(),
            bytes: 0,
            is_barred: false,
        }
    }

    /// Whether another request may begin while `waiting` bytes of replies wait to be sent. The only one always may: large
    /// replies come one by one.
    pub fn admits(&self, waiting: usize) -> bool {
        let under_way = self.sizes.len();
        let foreseen = under_way.saturating_mul(self.reply_bytes).saturating_add(waiting);
        (under_way as u64) < self.requests
            && self.bytes < self.bytes_max
            && (under_way == 0 || foreseen < self.bytes_max && !self.is_barred)
    }

    /// Whether this request is to be under way alone: it subscribes, and messages must come behind its reply. `Some(false)`: not
    /// before what is under way has its replies.
    pub fn alone(&mut self, request: Arguments<'_>) -> Option<bool> {
        subscribes(request)?;
        self.is_barred = !self.sizes.is_empty();
        Some(!self.is_barred)
    }

    /// A request of this size has begun.
    pub fn begun(&mut self, bytes: usize) {
        self.is_barred = false;
        self.sizes.push_back(bytes);
        self.bytes += bytes;
    }

    /// The oldest request has its reply. An error says nothing of how large the replies to come are, and widens nothing: while
    /// a server cannot be reached, a client may get hundreds of them.
    pub fn answered(&mut self, reply: &[u8]) {
        self.bytes -= self.sizes.pop_front().unwrap_or(0);
        if matches!(reply, [b'-' | b'!', ..]) {
            return;
        }
        let reply_bytes = reply.len();
        self.reply_bytes = match self.reply_bytes {
            0 => reply_bytes,
            average => average - average / 8 + reply_bytes / 8,
        };
        self.requests = (self.requests + 1).min(self.requests_max);
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    /// How many requests of this size the window takes.
    fn room(window: &mut Window, bytes: usize) -> usize {
        room_beside(window, bytes, 0)
    }

    /// How many, beside replies that wait to be sent.
    fn room_beside(window: &mut Window, bytes: usize, waiting: usize) -> usize {
        let before = window.sizes.len();
        while window.admits(waiting) {
            window.begun(bytes);
        }
        window.sizes.len() - before
    }

    #[test]
    fn small_replies_open_the_window_and_large_ones_close_it() {
        let mut window = Window::new(1000, 16);
        let mut rooms = Vec::new();
        for _ in 0..6 {
            rooms.push(room(&mut window, 10));
            (0..window.sizes.len()).for_each(|_| window.answered(&[b'+'; 5]));
        }
        assert_eq!(rooms, [1, 2, 4, 8, 16, 16]);
        window.begun(10);
        window.answered(&[b'+'; 8000]);
        assert_eq!(room(&mut window, 10), 1, "a reply of the whole budget");
    }

    #[test]
    fn what_is_under_way_and_what_waits_share_the_budget() {
        let mut window = Window::new(1000, 16);
        window.begun(10);
        window.answered(&[b'+'; 100]);
        for _ in 0..20 {
            window.begun(10);
            window.answered(&[b'+'; 100]);
        }
        assert_eq!(room_beside(&mut window, 10, 500), 5);
        assert_eq!(room_beside(&mut window, 10, 200), 3);
        (0..8).for_each(|_| window.answered(&[b'+'; 100]));
        assert_eq!(room_beside(&mut window, 10, 999), 1, "one always may");
    }

    #[test]
    fn errors_do_not_open_the_window() {
        let mut window = Window::new(1000, 16);
        for _ in 0..6 {
            window.begun(10);
            window.answered(b"-CLUSTERDOWN");
        }
        window.begun(10);
        window.answered(b"!12\r\nCLUSTERDOWN!\r\n");
        assert_eq!(room(&mut window, 10), 1);
        window.answered(b"+OK");
        assert_eq!(room(&mut window, 10), 2);
    }

    #[test]
    fn large_requests_fill_the_window() {
        let mut window = Window::new(1000, 16);
        (0..20).for_each(|_| {
            window.begun(1);
            window.answered(&[b'+'; 5]);
        });
        assert_eq!(room(&mut window, 400), 3);
        window.answered(&[b'+'; 5]);
        assert_eq!(room(&mut window, 400), 1);
    }
}
