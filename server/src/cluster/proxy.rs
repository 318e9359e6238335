//! Requests under way: who asked, which link has them, what becomes of the answers. Free of sockets and clocks: the
//! driver says what came and what time it is, and carries each reply that is [`Due`] to its client.
//!
//! What is tried again: a request that was not executed, until its time is over; one that changes nothing, also where
//! nobody knows whether it was. Any other reply or error is passed on as it is.

use super::feeds::Feeds;
use super::link::{Link, NewLink};
use super::merge::{Answered, Merge, merge};
use super::permanent_connection::{Answer, LinkOptions, LinkPhase, PermanentConnection};
use super::plan::{Plan, may_repeat, plan};
use super::reply_span::NoReply;
use super::ring::Ring;
use crate::config::{Config, Role};
use crate::logic_unit::command::channel::subscribes;
use crate::logic_unit::{LogicUnit, Session};
use crate::observe::{Level, Log};
use crate::random::Random;
use crate::request_queue::{After, ReplyBatch};
use crate::resp::{Arguments, Protocol, Reply, encode_request};
use crate::storage_unit::Storage;
use slab::Slab;
use std::collections::BTreeMap;

/// How often a request is tried.
const ATTEMPTS_MAX: u32 = 4;
/// A server is passed over for the next on the ring from so many requests on, if the others have much less to do.
const LOAD_MIN: usize = 32;
/// An access server waits so long for a logic server.
const ACCESS_TIMEOUT_NS: u64 = 3_000_000_000;
/// A logic server waits so long for a storage server: less, so that its word arrives in time.
const LOGIC_TIMEOUT_NS: u64 = 2_000_000_000;

/// A reply that is due.
#[derive(Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose request it was.
    pub client: u64,
    /// Which of the client's requests.
    pub number: u64,
    /// The answer.
    pub bytes: Vec<u8>,
    /// It was a message for this channel: an integer is to be how many of this server's own clients have got it.
    pub channel: Option<Vec<u8>>,
}

impl Due {
    /// The reply, with the clients who listen here counted.
    pub fn into_replies<S: Storage>(self, logic: &mut LogicUnit<S>) -> ReplyBatch {
        let Due { number, mut bytes, channel, .. } = self;
        if let Some(channel) = channel.filter(|_| bytes.starts_with(b":")) {
            bytes.clear();
            Reply::new(&mut bytes, Protocol::Resp2).count(logic.channels().receivers(&channel));
        }
        ReplyBatch::one(number, bytes, After::KeepOpen)
    }
}

/// What becomes of a client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its reply will be due.
    PassedOn,
    /// Its client waits until the subscription is settled.
    Subscribes,
    /// This server executes it.
    Not,
}

/// A client's request.
#[derive(Debug)]
struct Request {
    client: u64,
    number: u64,
    may_repeat: bool,
    /// It is a message for this channel, and never overtakes another one: it is tried once.
    channel: Option<Vec<u8>>,
    /// The dialect of its reply.
    protocol: Protocol,
    deadline_ns: u64,
    merge: Option<Merge>,
    parts: Vec<Part>,
    left: usize,
}

#[derive(Debug)]
struct Part {
    /// The key that decides, where it may go to several.
    key: Option<Vec<u8>>,
    server: usize,
    bytes: Vec<u8>,
    positions: Vec<usize>,
    attempts: u32,
    answer: Option<Answer>,
}

/// The requests of all clients, and the links that they travel on.
#[derive(Debug)]
pub struct Proxy {
    role: Role,
    names: Vec<String>,
    ring: Ring,
    links: Vec<Box<dyn Link>>,
    /// Links for messages; their numbers are those behind the numbers of `links`.
    feeds: Feeds,
    /// Of an access server: where messages of clients go.
    publishes_by: usize,
    requests: Slab<Request>,
    /// Of an access server: by which server the requests of a client go, and how many are under way. They take one way, so that
    /// they are executed in the order in which the client has sent them.
    ways: BTreeMap<u64, (usize, usize)>,
    /// Request and part, by the number under which a link knows it.
    tasks: Slab<(usize, usize)>,
    due: Vec<Due>,
    timeout_ns: u64,
    random: Random,
    log: Log,
}

impl Proxy {
    /// The proxy that the configuration asks for, over links that `new_link` makes.
    pub fn of(config: &Config, seed: u64, new_link: NewLink) -> Proxy {
        let names = config.backends.iter().map(ToString::to_string).collect();
        let timeout_ns = if config.role == Role::Access { ACCESS_TIMEOUT_NS } else { LOGIC_TIMEOUT_NS };
        let options = LinkOptions { password: config.backend_password.clone(), ..LinkOptions::default() };
        let mut proxy = Proxy::new(config.role, names, timeout_ns, &options, seed, new_link);
        proxy.log = config.log.clone();
        proxy
    }

    /// A proxy with this role before the servers with these names. `seed` is for the links' jitter, and for what is drawn.
    pub fn new(
        role: Role,
        names: Vec<String>,
        timeout_ns: u64,
        options: &LinkOptions,
        seed: u64,
        new_link: NewLink,
    ) -> Proxy {
        let mut random = Random::new(seed);
        let links: Vec<_> = names.iter().map(|_| new_link(options.clone(), random.next_u64())).collect();
        let feeds = Feeds::new(role, &names, timeout_ns, options, &mut random, new_link);
        Proxy {
            role,
            ring: Ring::new(&names),
            publishes_by: (random.next_u64() % links.len().max(1) as u64) as usize,
            links,
            feeds,
            names,
            requests: Slab::new(),
            ways: BTreeMap::new(),
            tasks: Slab::new(),
            due: Vec::new(),
            timeout_ns,
            random,
            log: Log::default(),
        }
    }

    /// The connection with this number, as in [`Config::connections`].
    pub fn link(&mut self, number: usize) -> &mut PermanentConnection {
        match number.checked_sub(self.links.len()) {
            Some(feed) => self.feeds.link(feed),
            None => self.links[number].connection_mut(),
        }
    }

    /// Whether this connection is to be begun.
    pub fn wants_connect(&self, number: usize, now_ns: u64) -> bool {
        match number.checked_sub(self.links.len()) {
            Some(feed) => self.feeds.wants_connect(feed, now_ns),
            None => self.links[number].connection().wants_connect(now_ns),
        }
    }

    /// When [`Proxy::tick`] has something to do for this connection.
    pub fn deadline_of(&self, number: usize) -> u64 {
        match number.checked_sub(self.links.len()) {
            Some(feed) => self.feeds.deadline_of(feed),
            None => self.links[number].deadline(),
        }
    }

    /// Channels, and what has come of them.
    pub fn feeds(&mut self) -> &mut Feeds {
        &mut self.feeds
    }

    /// The connection for messages that an access server has begun to use since the last call.
    pub fn take_moved(&mut self) -> Option<usize> {
        self.feeds.take_moved().map(|feed| self.links.len() + feed)
    }

    /// Replies that are due since the last call.
    pub fn take_due(&mut self) -> Vec<Due> {
        std::mem::take(&mut self.due)
    }

    /// Whether any is.
    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// When [`Proxy::tick`] has something to do.
    pub fn deadline(&self) -> u64 {
        (0..2 * self.links.len()).map(|number| self.deadline_of(number)).min().unwrap_or(u64::MAX)
    }

    // ---- Requests ------------------------------------------------------------------------------------------------

    /// Takes a client's request, unless it is for the server itself to answer.
    pub fn take(
        &mut self,
        client: u64,
        number: u64,
        session: &Session,
        request: Arguments<'_>,
        now_ns: u64,
    ) -> Taken {
        let protocol = session.protocol;
        if !session.authenticated {
            return Taken::Not;
        }
        if let Some(kind) = subscribes(request) {
            self.feeds.subscribe(client, kind, request, &self.ring, now_ns);
            return Taken::Subscribes;
        }
        // In RESP2 one who listens may ask for little: the logic unit says so.
        let is_free = session.subscriptions.is_none() || protocol == Protocol::Resp3;
        if is_free && self.submit(client, number, request, protocol, now_ns) {
            Taken::PassedOn
        } else {
            Taken::Not
        }
    }

    /// Takes a request, whose reply is to be in this dialect. `false`: it is for the server itself to answer.
    fn submit(
        &mut self,
        client: u64,
        number: u64,
        arguments: Arguments<'_>,
        protocol: Protocol,
        now_ns: u64,
    ) -> bool {
        let whole = |key: Option<&[u8]>, server| {
            let mut bytes = Vec::new();
            encode_request(&mut bytes, &arguments.iter().collect::<Vec<_>>());
            vec![Part {
                key: key.map(<[u8]>::to_vec),
                server,
                bytes,
                positions: Vec::new(),
                attempts: 0,
                answer: None,
            }]
        };
        let mut channel = None;
        let (parts, merge) = match plan(self.role, &self.ring, self.links.len(), arguments) {
            Plan::Local => return false,
            Plan::Refused(error) => {
                let mut bytes = Vec::new();
                Reply::new(&mut bytes, Protocol::Resp2).error(&error);
                self.due.push(Due { client, number, bytes, channel: None });
                return true;
            }
            Plan::Publish(name) => {
                channel = Some(name.to_vec());
                (whole(None, self.home(name)), None)
            }
            Plan::One(key) => (whole(key, self.way(client, key, now_ns)), None),
            Plan::Split(mut parts, merge) => {
                if merge == Merge::Any {
                    // No server is always the first one.
                    let first = self.random.next_u64() % parts.len().max(1) as u64;
                    parts.rotate_left(first as usize);
                }
                let part = |part: super::plan::Part| Part {
                    key: None,
                    server: part.server,
                    bytes: part.request,
                    positions: part.positions,
                    attempts: 0,
                    answer: None,
                };
                (parts.into_iter().map(part).collect(), Some(merge))
            }
        };
        let request = self.requests.insert(Request {
            client,
            number,
            may_repeat: may_repeat(arguments),
            channel,
            protocol,
            deadline_ns: now_ns.saturating_add(self.timeout_ns),
            merge,
            left: parts.len(),
            parts,
        });
        for part in 0..self.requests[request].parts.len() {
            self.offer(request, part, now_ns);
        }
        true
    }

    /// The server for another request of a client.
    fn way(&mut self, client: u64, key: Option<&[u8]>, now_ns: u64) -> usize {
        if self.role != Role::Access {
            return self.choose(key, now_ns);
        }
        let way = self.ways.get(&client).map(|(server, _)| *server);
        let server = way.unwrap_or_else(|| self.choose(key, now_ns));
        self.ways.entry(client).or_insert((server, 0)).1 += 1;
        server
    }

    /// A request of a client is not under way any more.
    fn ended(&mut self, client: u64) {
        if let Some((_, under_way)) = self.ways.get_mut(&client) {
            *under_way -= 1;
            if *under_way == 0 {
                self.ways.remove(&client);
            }
        }
    }

    /// The server to which messages of a channel go: the same one as long as any of them is under way, so that they stay in their
    /// order. A server that cannot be connected to has none.
    fn home(&mut self, channel: &[u8]) -> usize {
        if self.role != Role::Access {
            return self.ring.owner(channel);
        }
        let servers = self.links.len();
        let next = (0..servers).map(|step| (self.publishes_by + step) % servers);
        let there = next.into_iter().find(|server| !self.links[*server].connection().is_down());
        self.publishes_by = there.unwrap_or(self.publishes_by);
        self.publishes_by
    }

    /// The server for a key, or for anything.
    fn choose(&self, key: Option<&[u8]>, now_ns: u64) -> usize {
        let least = || {
            (0..self.links.len()).min_by_key(|at| {
                let link = self.links[*at].connection();
                (link.is_down(), !link.is_healthy(now_ns), link.load())
            })
        };
        match (self.role, key) {
            (Role::Access, Some(key)) => {
                let total: usize = self.links.iter().map(|link| link.connection().load()).sum();
                let bound = LOAD_MIN.max(total / self.links.len().max(1) * 5 / 4 + 1);
                let fits = |at: &usize| {
                    let link = self.links[*at].connection();
                    link.is_healthy(now_ns) && link.load() <= bound
                };
                // Nobody is well: the least bad one, rather than none.
                self.ring.walk(key).find(fits).or_else(least).unwrap_or(0)
            }
            (_, Some(key)) => self.ring.owner(key),
            (_, None) => least().unwrap_or(0),
        }
    }

    fn offer(&mut self, request: usize, part: usize, now_ns: u64) {
        let task = self.tasks.insert((request, part));
        let waiting = &mut self.requests[request];
        let (deadline_ns, protocol) = (waiting.deadline_ns, waiting.protocol);
        let part = &mut waiting.parts[part];
        part.attempts += 1;
        if !self.links[part.server].offer(task as u64, &part.bytes, protocol, deadline_ns, now_ns) {
            self.answered(task as u64, Answer::NotExecuted, now_ns);
        }
    }

    /// A link has reported what became of a task.
    fn answered(&mut self, task: u64, answer: Answer, now_ns: u64) {
        let Some((index, at)) = self.tasks.try_remove(task as usize) else { return };
        let request = &self.requests[index];
        let part = &request.parts[at];
        let may_repeat = match answer {
            Answer::Reply(_) => false,
            Answer::NotExecuted => request.channel.is_none(),
            Answer::Unknown => request.may_repeat,
        };
        if may_repeat && part.attempts < ATTEMPTS_MAX && now_ns < request.deadline_ns {
            let server = match (self.role, &part.key) {
                (Role::Access, key) => self.choose(key.as_deref(), now_ns),
                _ => part.server,
            };
            self.requests[index].parts[at].server = server;
            if let Some((way, _)) = self.ways.get_mut(&self.requests[index].client) {
                *way = server;
            }
            return self.offer(index, at, now_ns);
        }
        let request = &mut self.requests[index];
        request.parts[at].answer = Some(answer);
        request.left -= 1;
        if request.left == 0 {
            let request = self.requests.remove(index);
            let bytes = self.reply(&request);
            let Request { client, number, channel, .. } = request;
            if channel.is_none() {
                self.ended(client);
            }
            self.due.push(Due { client, number, bytes, channel });
        }
    }

    fn reply(&self, request: &Request) -> Vec<u8> {
        if let Some(how) = request.merge {
            let answered = |part| {
                let Part { server, positions, answer, .. }: &Part = part;
                let answer = answer.as_ref().unwrap_or(&Answer::Unknown);
                Answered { server: &self.names[*server], positions, answer }
            };
            return merge(how, &request.parts.iter().map(answered).collect::<Vec<_>>());
        }
        let Some(part) = request.parts.first() else { return Vec::new() };
        let name = &self.names[part.server];
        let text = match &part.answer {
            Some(Answer::Reply(reply)) => return reply.clone(),
            Some(Answer::NotExecuted) => {
                format!("CLUSTERDOWN {name} cannot be reached in time; the request was not executed")
            }
            _ => {
                format!("UNKNOWN {name} has not answered; the request may have been executed, or may yet be")
            }
        };
        let mut bytes = Vec::new();
        Reply::new(&mut bytes, Protocol::Resp2).error(&text);
        bytes
    }

    // ---- Links ---------------------------------------------------------------------------------------------------

    /// Bytes came on a connection. An error: the link makes no sense any more, and is to be closed.
    pub fn received(&mut self, server: usize, bytes: &[u8], now_ns: u64) -> Result<(), NoReply> {
        if let Some(feed) = server.checked_sub(self.links.len()) {
            return self.feeds.received(feed, bytes, now_ns);
        }
        let mut answers = Vec::new();
        let result =
            self.links[server].received(bytes, now_ns, &mut |task, answer| answers.push((task, answer)));
        self.all_answered(answers, now_ns);
        result
    }

    /// A link is there.
    pub fn connected(&mut self, server: usize, now_ns: u64) {
        self.link(server).connected(now_ns);
        if server < self.links.len() {
            self.log.line(Level::Notice, || format!("backend {}: connected", self.names[server]));
        }
    }

    /// A link is not there any more, or never was.
    pub fn lost(&mut self, server: usize, now_ns: u64) {
        if let Some(feed) = server.checked_sub(self.links.len()) {
            return self.feeds.lost(feed, now_ns);
        }
        let link = self.links[server].connection();
        let (was_up, was_down) = (link.phase() == LinkPhase::Up, link.is_down());
        let mut answers = Vec::new();
        self.links[server].lost(now_ns, &mut |task, answer| answers.push((task, answer)));
        if self.role == Role::Access {
            // What waits goes another way behind what was under way.
            self.links[server].connection_mut().give_back(|task, answer| answers.push((task, answer)));
        }
        // Once, until it is there again.
        if was_up || self.links[server].connection().is_down() && !was_down {
            let how = if was_up { "the connection is lost" } else { "it cannot be reached" };
            let text =
                || format!("backend {}: {how}; it is tried again until it is there", self.names[server]);
            self.log.line(Level::Warning, text);
        }
        self.all_answered(answers, now_ns);
    }

    /// Time has passed for a link. `false`: it is to be closed.
    pub fn tick(&mut self, server: usize, now_ns: u64) -> bool {
        if let Some(feed) = server.checked_sub(self.links.len()) {
            return self.feeds.tick(feed, now_ns);
        }
        let mut answers = Vec::new();
        let lives = self.links[server].tick(now_ns, &mut |task, answer| answers.push((task, answer)));
        self.all_answered(answers, now_ns);
        lives
    }

    fn all_answered(&mut self, answers: Vec<(u64, Answer)>, now_ns: u64) {
        for (task, answer) in answers {
            self.answered(task, answer, now_ns);
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/proxy.rs"]
mod tests;
