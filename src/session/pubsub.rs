//! Publish and subscribe: who listens to what, and how a message gets there.
//!
//! A message is encoded once per spelling (text, RESP2, RESP3), not once per subscriber. It goes straight into the
//! subscribers' outgoing queues, with others of its client behind one another; a slow one is the business of its own output limit.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::mem;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::outlet::{Outlet, Woken};
use crate::keyspace::pattern::Pattern;
use crate::protocol::{Reply, Wire};

/// A client that hears of things, as the broker and the list of monitors keep it.
pub struct Subscriber {
    pub(super) id: u64,
    outlet: Arc<dyn Outlet>,
    /// How its messages are spelled; HELLO may change it.
    wire: AtomicU8,
}

const WIRES: [Wire; 3] = [Wire::Text, Wire::Resp2, Wire::Resp3];

impl Subscriber {
    pub fn new(id: u64, outlet: Arc<dyn Outlet>, wire: Wire) -> Arc<Subscriber> {
        let subscriber = Subscriber { id, outlet, wire: AtomicU8::new(0) };
        subscriber.set_wire(wire);
        Arc::new(subscriber)
    }

    pub fn set_wire(&self, wire: Wire) {
        let index = WIRES.iter().position(|w| *w == wire).unwrap_or(0);
        self.wire.store(index as u8, Ordering::Relaxed);
    }

    fn wire(&self) -> usize {
        usize::from(self.wire.load(Ordering::Relaxed))
    }
}

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Channel,
    Pattern,
    /// SSUBSCRIBE: channels that would live with their hash slot in a cluster.
    Shard,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];
}

/// One session's subscriptions.
pub struct Subscriptions {
    pub subscriber: Arc<Subscriber>,
    names: [BTreeSet<Box<[u8]>>; 3],
    bytes: usize,
}

/// What a name costs beside its own bytes, which are kept here and by the broker: its places in both, and the block
/// of its listeners.
const NAME_OVERHEAD: usize = 344;

fn bytes_of(name: &[u8]) -> usize {
    NAME_OVERHEAD + 2 * name.len()
}

impl Subscriptions {
    pub fn new(subscriber: Arc<Subscriber>) -> Subscriptions {
        Subscriptions { subscriber, names: Default::default(), bytes: 0 }
    }

    pub fn names(&self, kind: Kind) -> &BTreeSet<Box<[u8]>> {
        &self.names[kind as usize]
    }

    /// What is kept for them, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What SUBSCRIBE counts: channels and patterns; shard channels count by themselves.
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Shard => self.names(Kind::Shard).len(),
            _ => self.names(Kind::Channel).len() + self.names(Kind::Pattern).len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.names.iter().all(BTreeSet::is_empty)
    }
}

pub(super) type Listeners = BTreeMap<u64, Arc<Subscriber>>;
type Patterns = BTreeMap<Box<[u8]>, (Pattern, Listeners)>;

/// Everyone's subscriptions.
#[derive(Default)]
pub struct Broker {
    channels: RwLock<HashMap<Box<[u8]>, Listeners>>,
    shard_channels: RwLock<HashMap<Box<[u8]>, Listeners>>,
    patterns: RwLock<Patterns>,
}

impl Broker {
    /// Returns whether the subscription is new.
    pub fn subscribe(&self, subscriptions: &mut Subscriptions, kind: Kind, name: &[u8]) -> bool {
        if !subscriptions.names[kind as usize].insert(name.into()) {
            return false;
        }
        subscriptions.bytes += bytes_of(name);
        let subscriber = Arc::clone(&subscriptions.subscriber);
        match kind {
            Kind::Channel | Kind::Shard => {
                let mut map = self.map(kind).write().unwrap_or_else(PoisonError::into_inner);
                map.entry(name.into()).or_default().insert(subscriber.id, subscriber);
            }
            Kind::Pattern => {
                let mut patterns = self.patterns.write().unwrap_or_else(PoisonError::into_inner);
                let (_, listeners) =
                    patterns.entry(name.into()).or_insert_with(|| (Pattern::new(name), Listeners::new()));
                listeners.insert(subscriber.id, subscriber);
            }
        }
        true
    }

    /// Returns whether there was such a subscription.
    pub fn unsubscribe(&self, subscriptions: &mut Subscriptions, kind: Kind, name: &[u8]) -> bool {
        if !subscriptions.names[kind as usize].remove(name) {
            return false;
        }
        subscriptions.bytes -= bytes_of(name);
        self.leave(subscriptions.subscriber.id, kind, name);
        true
    }

    fn leave(&self, id: u64, kind: Kind, name: &[u8]) {
        match kind {
            Kind::Channel | Kind::Shard => {
                let mut map = self.map(kind).write().unwrap_or_else(PoisonError::into_inner);
                if let Some(listeners) = map.get_mut(name) {
                    listeners.remove(&id);
                    if listeners.is_empty() {
                        map.remove(name);
                    }
                }
            }
            Kind::Pattern => {
                let mut patterns = self.patterns.write().unwrap_or_else(PoisonError::into_inner);
                if let Some((_, listeners)) = patterns.get_mut(name) {
                    listeners.remove(&id);
                    if listeners.is_empty() {
                        patterns.remove(name);
                    }
                }
            }
        }
    }

    /// The session ends, or RESET.
    pub fn forget(&self, subscriptions: Subscriptions) {
        for kind in Kind::ALL {
            let names = subscriptions.names(kind);
            names.iter().for_each(|name| self.leave(subscriptions.subscriber.id, kind, name));
        }
    }

    /// Sends a message to all who listen. Returns how many do. It may stay with `woken` until
    /// [`Broker::post_published`], which must be called before anybody can learn that it was sent; whoever subscribes or
    /// leaves in between comes before or after it as that has it.
    pub fn publish(&self, kind: Kind, channel: &[u8], message: &[u8], woken: &mut Woken) -> usize {
        let mut receivers = self.listeners(kind, channel);
        if receivers > 0 {
            if !woken.published.takes(kind, channel, message) {
                self.post_published(woken);
            }
            woken.published.push(kind, channel, message);
        }
        if kind != Kind::Shard {
            let patterns = self.patterns.read().unwrap_or_else(PoisonError::into_inner);
            for (name, (pattern, listeners)) in patterns.iter() {
                if pattern.matches(channel) {
                    // Who listens in both ways hears of one message after the other.
                    self.post_published(woken);
                    receivers += send(listeners, &[b"pmessage", name, channel, message], woken);
                }
            }
        }
        receivers
    }

    /// Posts the messages that are still with `woken`.
    pub fn post_published(&self, woken: &mut Woken) {
        if woken.published.is_empty() {
            return;
        }
        let published = mem::take(&mut woken.published);
        let map = self.map(published.kind()).read().unwrap_or_else(PoisonError::into_inner);
        if let Some(listeners) = map.get(published.channel()) {
            post(listeners, woken, |reply| published.write(reply));
        }
        woken.published = published.cleared();
    }

    /// How many clients a message would reach.
    pub fn audience(&self, kind: Kind, channel: &[u8]) -> usize {
        let direct = self.listeners(kind, channel);
        if kind == Kind::Shard {
            return direct;
        }
        let patterns = self.patterns.read().unwrap_or_else(PoisonError::into_inner);
        let matching = patterns.values().filter(|(pattern, _)| pattern.matches(channel));
        direct + matching.map(|(_, listeners)| listeners.len()).sum::<usize>()
    }

    /// PUBSUB CHANNELS and SHARDCHANNELS.
    pub fn active(&self, kind: Kind, pattern: &Pattern) -> Vec<Box<[u8]>> {
        let map = self.map(kind).read().unwrap_or_else(PoisonError::into_inner);
        map.keys().filter(|name| pattern.matches(name)).cloned().collect()
    }

    /// PUBSUB NUMSUB and SHARDNUMSUB.
    pub fn listeners(&self, kind: Kind, channel: &[u8]) -> usize {
        let map = self.map(kind).read().unwrap_or_else(PoisonError::into_inner);
        map.get(channel).map_or(0, BTreeMap::len)
    }

    /// The clients that have a subscription of which this is so.
    pub fn listeners_where(&self, is_so: impl Fn(Kind, &[u8]) -> bool) -> HashSet<u64> {
        let mut found = HashSet::new();
        for kind in [Kind::Channel, Kind::Shard] {
            let map = self.map(kind).read().unwrap_or_else(PoisonError::into_inner);
            let listeners = map.iter().filter(|(name, _)| is_so(kind, name));
            found.extend(listeners.flat_map(|(_, listeners)| listeners.keys()));
        }
        let patterns = self.patterns.read().unwrap_or_else(PoisonError::into_inner);
        let listeners = patterns.iter().filter(|(name, _)| is_so(Kind::Pattern, name));
        found.extend(listeners.flat_map(|(_, (_, listeners))| listeners.keys()));
        found
    }

    /// PUBSUB NUMPAT: different patterns.
    pub fn patterns(&self) -> usize {
        self.patterns.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn channels(&self, kind: Kind) -> usize {
        self.map(kind).read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn map(&self, kind: Kind) -> &RwLock<HashMap<Box<[u8]>, Listeners>> {
        if kind == Kind::Shard { &self.shard_channels } else { &self.channels }
    }
}

fn send(listeners: &Listeners, parts: &[&[u8]], woken: &mut Woken) -> usize {
    post(listeners, woken, |reply| {
        reply.push(parts.len());
        parts.iter().for_each(|part| reply.bulk(part));
    })
}

/// Posts the same to all of them, spelled once for each spelling that any of them wants. Returns how many they are.
pub(super) fn post(listeners: &Listeners, woken: &mut Woken, write: impl Fn(&mut Reply)) -> usize {
    let mut encoded: [Option<Vec<u8>>; 3] = Default::default();
    for subscriber in listeners.values() {
        let wire = subscriber.wire();
        let bytes = encoded[wire].get_or_insert_with(|| {
            let mut bytes = Vec::new();
            write(&mut Reply::new(&mut bytes, WIRES[wire]));
            bytes
        });
        woken.others.extend(Arc::clone(&subscriber.outlet).post(bytes));
    }
    listeners.len()
}
