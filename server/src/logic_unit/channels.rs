//! Who listens to which channel, and what a message becomes for each of them.

use super::session::{Session, Subscriptions};
use super::{Order, Shared, glob};
use crate::observe::Level;
use crate::resp::{Protocol, Reply};
use std::collections::{BTreeMap, BTreeSet};

/// What a client listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A channel.
    Channel,
    /// Each channel that a pattern fits.
    Pattern,
}

impl Kind {
    /// What of a client's subscriptions are of this kind.
    pub fn of(self, subscriptions: &mut Subscriptions) -> &mut BTreeSet<Vec<u8>> {
        match self {
            Kind::Channel => &mut subscriptions.channels,
            Kind::Pattern => &mut subscriptions.patterns,
        }
    }
}

/// Something that can be listened to.
pub type Topic = (Kind, Vec<u8>);

/// The slots of those who listen, by name; none is empty.
type Listeners = BTreeMap<Vec<u8>, BTreeSet<usize>>;

/// All subscriptions of all clients.
#[derive(Debug, Default)]
pub struct Channels {
    /// To channels.
    pub channels: Listeners,
    /// To patterns.
    pub patterns: Listeners,
    /// To what nobody listens any more, where somebody has to know it.
    emptied: Option<Vec<Topic>>,
}

impl Channels {
    /// From now on it is noted down when nobody listens to something any more.
    pub fn note_emptied(&mut self) {
        self.emptied = Some(Vec::new());
    }

    /// To what nobody listens any more, since the last call. Somebody may have begun to since.
    pub fn take_emptied(&mut self) -> Vec<Topic> {
        self.emptied.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether somebody listens to this.
    pub fn has(&self, (kind, name): &Topic) -> bool {
        match kind {
            Kind::Channel => self.channels.contains_key(name),
            Kind::Pattern => self.patterns.contains_key(name),
        }
    }

    /// How often a message of this channel would be sent.
    pub fn receivers(&self, channel: &[u8]) -> usize {
        let fits = self.patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel));
        self.channels.get(channel).map_or(0, BTreeSet::len)
            + fits.map(|(_, slots)| slots.len()).sum::<usize>()
    }

    fn of(&mut self, kind: Kind) -> &mut Listeners {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
        }
    }

    /// The client listens from now on.
    pub fn subscribe(&mut self, session: &mut Session, kind: Kind, name: &[u8]) {
        kind.of(session.subscriptions.get_or_insert_default()).insert(name.to_vec());
        self.of(kind).entry(name.to_vec()).or_default().insert(session.slot);
    }

    /// The client listens no more.
    pub fn unsubscribe(&mut self, session: &mut Session, kind: Kind, name: &[u8]) {
        let Some(subscriptions) = &mut session.subscriptions else { return };
        if kind.of(subscriptions).remove(name)
            && let Some(listeners) = self.of(kind).get_mut(name)
        {
            listeners.remove(&session.slot);
            if listeners.is_empty() {
                self.of(kind).remove(name);
                if let Some(emptied) = &mut self.emptied {
                    emptied.push((kind, name.to_vec()));
                }
            }
        }
        if subscriptions.is_empty() {
            session.subscriptions = None;
        }
    }

    /// The client listens to nothing any more.
    pub fn unsubscribe_all(&mut self, session: &mut Session) {
        for kind in [Kind::Channel, Kind::Pattern] {
            let names = session.subscriptions.as_mut().map(|all| kind.of(all).clone()).unwrap_or_default();
            names.iter().for_each(|name| self.unsubscribe(session, kind, name));
        }
    }
}

/// A message in each dialect in which somebody wants it.
#[derive(Default)]
struct Encoded([Vec<u8>; 2]);

impl Encoded {
    fn get(&mut self, protocol: Protocol, words: &[&[u8]]) -> &[u8] {
        let bytes = &mut self.0[usize::from(protocol == Protocol::Resp3)];
        if bytes.is_empty() {
            let mut reply = Reply::new(bytes, protocol);
            reply.push(words.len());
            words.iter().for_each(|word| reply.bulk(word));
        }
        bytes
    }
}

/// Puts a message aside for all who listen; how often. `own` gets what the client of this slot is sent.
pub fn publish(
    shared: &mut Shared,
    channel: &[u8],
    message: &[u8],
    mut own: Option<(usize, &mut Vec<u8>)>,
) -> usize {
    let mut receivers = 0;
    let all = std::mem::take(&mut shared.channels);
    if let Some(slots) = all.channels.get(channel) {
        let words = [b"message".as_slice(), channel, message];
        receivers += send(shared, slots, &words, &mut own);
    }
    for (pattern, slots) in all.patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel)) {
        let words = [b"pmessage".as_slice(), pattern, channel, message];
        receivers += send(shared, slots, &words, &mut own);
    }
    shared.channels = all;
    receivers
}

/// Puts a message that another server has sent (`message`, or `pmessage` and the pattern, then channel and text) aside for those
/// who listen to what it was sent for.
pub fn forward(shared: &mut Shared, words: &[&[u8]]) {
    let all = std::mem::take(&mut shared.channels);
    let slots = match words {
        [_, pattern, _, _] => all.patterns.get(*pattern),
        [_, channel, _] => all.channels.get(*channel),
        _ => None,
    };
    if let Some(slots) = slots {
        send(shared, slots, words, &mut None);
    }
    shared.channels = all;
}

fn send(
    shared: &mut Shared,
    slots: &BTreeSet<usize>,
    words: &[&[u8]],
    own: &mut Option<(usize, &mut Vec<u8>)>,
) -> usize {
    let mut encoded = Encoded::default();
    let bytes_max = shared.config.limits.channel_output.hard;
    for &slot in slots {
        let bytes = encoded.get(shared.directory.protocol(slot), words);
        match own {
            Some((its, out)) if *its == slot => out.extend_from_slice(bytes),
            _ => match shared.directory.deliver(slot, bytes_max, |its| its.bytes.extend_from_slice(bytes)) {
                Ok(Some(place)) => shared.order(Order::Look { place }),
                Ok(None) => {}
                Err(Some(client)) => {
                    let why = "closed, for more messages wait for it than client-output-buffer-limit allows";
                    shared.log_client(Level::Warning, client, slot, why);
                    shared.order(Order::Kill { client });
                }
                Err(None) => {}
            },
        }
    }
    slots.len()
}
