//! Channels through the roles: which server behind is asked for the messages of which channel, and what comes of it. Free of
//! sockets and clocks, as the proxy around it.
//!
//! ```text
//!   subscriber ──► access ── one feed ──► logic ── a feed each ──► storage ◄── PUBLISH, by way of any logic server
//! ```
//!
//! A channel has one home, the storage server that a key of its name has. The home executes `PUBLISH`, and so it decides the order
//! of the messages. A feed is a link that carries subscriptions and messages alone. Each server forwards a message as soon as
//! it has come, to whoever listens at that moment, so that everybody has the home's order, with gaps where a feed was down.
//!
//! A subscriber counts from the moment on at which the home has confirmed: each `SUBSCRIBE` goes all the way, also where the channel is
//! subscribed to already, and its confirmation comes behind all that was published before. So an access server that goes
//! on with another logic server, whose feed may be behind, gets nothing from it that it had before: no message comes twice.

use super::link::{Link, NewLink};
use super::permanent_connection::{Answer, LinkOptions, LinkPhase, MESSAGE, PermanentConnection};
use super::reply_span::{NoReply, bulk, elements};
use super::ring::Ring;
use crate::config::Role;
use crate::logic_unit::channels::{Channels, Kind, Topic};
use crate::logic_unit::{LogicUnit, Session, WallTime};
use crate::random::Random;
use crate::request_queue::RequestBatch;
use crate::resp::{Arguments, Protocol, Reply, encode_request};
use crate::storage_unit::Storage;
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet};

/// How often a subscription is tried for a client.
const ATTEMPTS_MAX: u32 = 4;
/// What nobody waits for is tried again so much later.
const AGAIN_NS: u64 = 200_000_000;

/// What came of a feed, in its order.
#[derive(Debug)]
pub enum News {
    /// A client's request to subscribe is settled.
    Settled(Settled),
    /// A message: the words of its frame.
    Message(Vec<Vec<u8>>),
}

/// What became of a client's request to subscribe.
#[derive(Debug)]
pub struct Settled {
    /// Whose it was.
    pub client: u64,
    /// What it is about.
    pub topics: Vec<Topic>,
    /// The request, which is to be executed now; or the error that answers it.
    outcome: Result<RequestBatch, Vec<u8>>,
}

impl Settled {
    /// The reply to its client, which is subscribed from now on, or is refused.
    pub fn reply<S: Storage>(
        &self,
        logic: &mut LogicUnit<S>,
        session: &mut Session,
        wall: WallTime,
    ) -> Vec<u8> {
        match &self.outcome {
            Ok(request) => {
                let mut bytes = Vec::new();
                logic.execute(session, request.request(0), wall, &mut bytes);
                logic.finish_turn(session, wall);
                bytes
            }
            Err(error) => error.clone(),
        }
    }
}

/// A client's request to subscribe that is under way.
#[derive(Debug)]
struct Ask {
    client: u64,
    /// It alone.
    request: RequestBatch,
    /// What is asked of which feed; an access server has one at a time.
    homes: Vec<(usize, Topic)>,
    /// Confirmations that are to come.
    left: usize,
    refused: Option<Vec<u8>>,
    deadline_ns: u64,
}

/// What a feed is asked.
#[derive(Debug)]
struct Task {
    feed: usize,
    topic: Topic,
    why: Why,
}

#[derive(Clone, Copy, Debug)]
enum Why {
    /// For this client's request, at this attempt.
    Ask(usize, u32),
    /// The feed was down, and somebody listens.
    Again,
    /// Nobody listens any more.
    Enough,
}

/// A link to a server behind, for messages.
#[derive(Debug)]
struct Feed {
    link: Box<dyn Link>,
    /// What it is to carry, and how many clients wait for the confirmation.
    wanted: BTreeMap<Topic, usize>,
    /// Of that, what is to be asked for.
    missing: BTreeSet<Topic>,
    ask_ns: u64,
}

/// The feeds of a server with a role that passes requests on.
#[derive(Debug)]
pub struct Feeds {
    role: Role,
    names: Vec<String>,
    feeds: Vec<Feed>,
    /// Of an access server: the one that is in use. Any logic server knows all channels.
    current: usize,
    has_moved: bool,
    asks: Slab<Ask>,
    tasks: Slab<Task>,
    news: Vec<News>,
    timeout_ns: u64,
}

impl Feeds {
    /// Feeds from the servers with these names, none of which is needed yet.
    pub fn new(
        role: Role,
        names: &[String],
        timeout_ns: u64,
        options: &LinkOptions,
        random: &mut Random,
        new_link: NewLink,
    ) -> Feeds {
        let feeds = names.iter().map(|_| Feed {
            link: new_link(LinkOptions { has_messages: true, ..options.clone() }, random.next_u64()),
            wanted: BTreeMap::new(),
            missing: BTreeSet::new(),
            ask_ns: 0,
        });
        Feeds {
            role,
            names: names.to_vec(),
            feeds: feeds.collect(),
            current: (random.next_u64() % names.len().max(1) as u64) as usize,
            has_moved: false,
            asks: Slab::new(),
            tasks: Slab::new(),
            news: Vec::new(),
            timeout_ns,
        }
    }

    /// What has come since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Whether anything has.
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// The connection of a feed.
    pub fn link(&mut self, feed: usize) -> &mut PermanentConnection {
        self.feeds[feed].link.connection_mut()
    }

    /// When [`Feeds::tick`] has something to do for this feed.
    pub fn deadline_of(&self, feed: usize) -> u64 {
        let Feed { link, wanted, missing, ask_ns } = &self.feeds[feed];
        let is_up = link.connection().phase() == LinkPhase::Up;
        if wanted.is_empty() && !is_up {
            return u64::MAX;
        }
        let asks = if is_up && !missing.is_empty() { *ask_ns } else { u64::MAX };
        link.deadline().min(asks)
    }

    /// Whether a connection is to be begun.
    pub fn wants_connect(&self, feed: usize, now_ns: u64) -> bool {
        let feed = &self.feeds[feed];
        !feed.wanted.is_empty() && feed.link.connection().wants_connect(now_ns)
    }

    /// The feed that an access server has begun to use since the last call.
    pub fn take_moved(&mut self) -> Option<usize> {
        std::mem::take(&mut self.has_moved).then_some(self.current)
    }

    // ---- Clients -------------------------------------------------------------------------------------------------

    /// A client wants to subscribe. The outcome is among the [`News`].
    pub fn subscribe(&mut self, client: u64, kind: Kind, request: Arguments<'_>, ring: &Ring, now_ns: u64) {
        let mut batch = RequestBatch::new();
        batch.push(request);
        let mut homes = Vec::new();
        for name in request.from(1) {
            let topic = (kind, name.to_vec());
            homes.extend(self.homes(&topic, ring).into_iter().map(|feed| (feed, topic.clone())));
        }
        let ask = self.asks.insert(Ask {
            client,
            request: batch,
            left: homes.len(),
            homes: homes.clone(),
            refused: None,
            deadline_ns: now_ns.saturating_add(self.timeout_ns),
        });
        for (feed, topic) in homes {
            *self.feeds[feed].wanted.entry(topic.clone()).or_default() += 1;
            self.offer(Task { feed, topic, why: Why::Ask(ask, 1) }, now_ns);
        }
    }

    /// The feeds on which the messages of a topic come.
    fn homes(&self, (kind, name): &Topic, ring: &Ring) -> Vec<usize> {
        match (self.role, kind) {
            (Role::Access, _) => vec![self.current],
            (_, Kind::Channel) => vec![ring.owner(name)],
            // Any channel may fit.
            (_, Kind::Pattern) => (0..self.feeds.len()).collect(),
        }
    }

    /// Ends the subscriptions to what no client of this server listens to any more.
    pub fn forget(&mut self, topics: &[Topic], channels: &Channels, now_ns: u64) {
        for topic in topics.iter().filter(|topic| !channels.has(topic)) {
            self.unsubscribe(topic, now_ns);
        }
    }

    fn unsubscribe(&mut self, topic: &Topic, now_ns: u64) {
        for feed in 0..self.feeds.len() {
            let its = &mut self.feeds[feed];
            // Who waits for the confirmation will listen.
            if its.wanted.get(topic) != Some(&0) {
                continue;
            }
            its.wanted.remove(topic);
            its.missing.remove(topic);
            if its.link.connection().phase() == LinkPhase::Up {
                self.offer(Task { feed, topic: topic.clone(), why: Why::Enough }, now_ns);
            }
        }
    }

    fn offer(&mut self, task: Task, now_ns: u64) {
        let word: &[u8] = match (&task.why, task.topic.0) {
            (Why::Enough, Kind::Channel) => b"UNSUBSCRIBE",
            (Why::Enough, Kind::Pattern) => b"PUNSUBSCRIBE",
            (_, Kind::Channel) => b"SUBSCRIBE",
            (_, Kind::Pattern) => b"PSUBSCRIBE",
        };
        let deadline_ns = match task.why {
            Why::Ask(ask, _) => self.asks[ask].deadline_ns,
            Why::Again => now_ns.saturating_add(self.timeout_ns),
            Why::Enough => u64::MAX,
        };
        let mut bytes = Vec::new();
        encode_request(&mut bytes, &[word, &task.topic.1]);
        let feed = task.feed;
        let id = self.tasks.insert(task) as u64;
        if !self.feeds[feed].link.offer(id, &bytes, Protocol::Resp2, deadline_ns, now_ns) {
            self.answered(id, Answer::NotExecuted, now_ns);
        }
    }

    fn answered(&mut self, id: u64, answer: Answer, now_ns: u64) {
        if id == MESSAGE {
            return self.message(answer);
        }
        let Some(task) = self.tasks.try_remove(id as usize) else { return };
        let is_confirmed = matches!(&answer, Answer::Reply(reply) if !reply.starts_with(b"-"));
        match task.why {
            Why::Enough => {}
            Why::Again if is_confirmed => {}
            Why::Again => self.is_missing(task.feed, task.topic, now_ns),
            Why::Ask(ask, attempt) => {
                let may_repeat = !matches!(answer, Answer::Reply(_))
                    && attempt < ATTEMPTS_MAX
                    && now_ns < self.asks[ask].deadline_ns;
                let feed = self.in_use(task.feed);
                if may_repeat {
                    return self.offer(Task { feed, why: Why::Ask(ask, attempt + 1), ..task }, now_ns);
                }
                if !is_confirmed {
                    self.asks[ask].refused = Some(self.refusal(task.feed, answer));
                    // Others may listen to it.
                    self.is_missing(feed, task.topic, now_ns);
                }
                self.settle(ask);
            }
        }
    }

    /// The feed that is in the place of this one by now.
    fn in_use(&self, feed: usize) -> usize {
        if self.role == Role::Access { self.current } else { feed }
    }

    fn refusal(&self, feed: usize, answer: Answer) -> Vec<u8> {
        if let Answer::Reply(reply) = answer {
            return reply;
        }
        let mut bytes = Vec::new();
        let text = format!("CLUSTERDOWN {} has not confirmed the subscription in time", self.names[feed]);
        Reply::new(&mut bytes, Protocol::Resp2).error(&text);
        bytes
    }

    /// One confirmation less is to come.
    fn settle(&mut self, ask: usize) {
        self.asks[ask].left -= 1;
        if self.asks[ask].left == 0 {
            let Ask { client, request, homes, refused, .. } = self.asks.remove(ask);
            for (feed, topic) in &homes {
                let feed = self.in_use(*feed);
                if let Some(waiting) = self.feeds[feed].wanted.get_mut(topic) {
                    *waiting -= 1;
                }
            }
            let topics = homes.into_iter().map(|(_, topic)| topic).collect();
            let outcome = refused.map_or(Ok(request), Err);
            self.news.push(News::Settled(Settled { client, topics, outcome }));
        }
    }

    fn is_missing(&mut self, feed: usize, topic: Topic, now_ns: u64) {
        let feed = &mut self.feeds[feed];
        if feed.wanted.contains_key(&topic) {
            feed.missing.insert(topic);
            feed.ask_ns = now_ns.saturating_add(AGAIN_NS);
        }
    }

    fn message(&mut self, answer: Answer) {
        let Answer::Reply(frame) = answer else { return };
        let words = elements(&frame).unwrap_or_default();
        let words = words.into_iter().map(|word| bulk(word).map(<[u8]>::to_vec)).collect::<Option<_>>();
        self.news.extend(words.map(News::Message));
    }

    // ---- Links ---------------------------------------------------------------------------------------------------

    /// Bytes came on a feed. An error: it makes no sense any more, and is to be closed.
    pub fn received(&mut self, feed: usize, bytes: &[u8], now_ns: u64) -> Result<(), NoReply> {
        let mut answers = Vec::new();
        let result =
            self.feeds[feed].link.received(bytes, now_ns, &mut |task, answer| answers.push((task, answer)));
        self.all_answered(answers, now_ns);
        result
    }

    /// A feed is not there any more, or never was. An access server goes on with that of the next server.
    pub fn lost(&mut self, feed: usize, now_ns: u64) {
        let mut answers = Vec::new();
        self.feeds[feed].link.lost(now_ns, &mut |task, answer| answers.push((task, answer)));
        if self.role == Role::Access && feed == self.current {
            self.feeds[feed].link.connection_mut().give_back(|task, answer| answers.push((task, answer)));
            let wanted = std::mem::take(&mut self.feeds[feed].wanted);
            self.feeds[feed].missing.clear();
            self.current = (feed + 1) % self.feeds.len();
            self.has_moved = true;
            self.feeds[self.current].wanted = wanted;
            // It may be there again.
            self.feeds[self.current].link.connection_mut().expect();
        }
        let next = self.in_use(feed);
        let next = &mut self.feeds[next];
        next.missing = next.wanted.keys().cloned().collect();
        next.ask_ns = now_ns;
        self.all_answered(answers, now_ns);
    }

    /// Time has passed for a feed. `false`: it is to be closed.
    pub fn tick(&mut self, feed: usize, now_ns: u64) -> bool {
        let mut answers = Vec::new();
        let lives = self.feeds[feed].link.tick(now_ns, &mut |task, answer| answers.push((task, answer)));
        self.all_answered(answers, now_ns);
        let its = &mut self.feeds[feed];
        if its.link.connection().phase() == LinkPhase::Up && its.ask_ns <= now_ns {
            for topic in std::mem::take(&mut its.missing) {
                self.offer(Task { feed, topic, why: Why::Again }, now_ns);
            }
        }
        lives
    }

    fn all_answered(&mut self, answers: Vec<(u64, Answer)>, now_ns: u64) {
        for (task, answer) in answers {
            self.answered(task, answer, now_ns);
        }
    }
}
