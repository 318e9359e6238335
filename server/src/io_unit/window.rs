//! How many requests of one client a proxy has under way at a time. All clients share the links to the servers behind, whose
//! replies come in the order of the requests: a client that asks for much and reads nothing must not have so much of it
//! under way that the others wait for it.
//!
//! A client begins with one request and gets one more with each reply, as long as what is under way, at the average size of
//! its replies, fits into the budget. So one that asks for large values has few under way, and one that takes none of its
//! replies has no more than those, since admission closes when its outbox is full.

use crate::config::{Config, Role};
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
        }
    }

    /// Whether another request may begin.
    pub fn admits(&self) -> bool {
        (self.sizes.len() as u64) < self.requests && self.bytes < self.bytes_max
    }

    /// A request of this size has begun.
    pub fn begun(&mut self, bytes: usize) {
        self.sizes.push_back(bytes);
        self.bytes += bytes;
    }

    /// The oldest request has its reply.
    pub fn answered(&mut self, reply_bytes: usize) {
        self.bytes -= self.sizes.pop_front().unwrap_or(0);
        self.reply_bytes = self.reply_bytes - self.reply_bytes / 8 + reply_bytes / 8;
        let fits = (self.bytes_max / self.reply_bytes.max(1)) as u64;
        self.requests = (self.requests + 1).min(fits.clamp(1, self.requests_max));
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    /// How many requests of this size the window takes.
    fn room(window: &mut Window, bytes: usize) -> usize {
        let before = window.sizes.len();
        while window.admits() {
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
            (0..window.sizes.len()).for_each(|_| window.answered(5));
        }
        assert_eq!(rooms, [1, 2, 4, 8, 16, 16]);
        window.begun(10);
        window.answered(8000);
        assert_eq!(room(&mut window, 10), 1, "a reply of the whole budget");
    }

    #[test]
    fn large_requests_fill_the_window() {
        let mut window = Window::new(1000, 16);
        (0..20).for_each(|_| {
            window.begun(1);
            window.answered(5);
        });
        assert_eq!(room(&mut window, 400), 3);
        window.answered(5);
        assert_eq!(room(&mut window, 400), 1);
    }
}
