//! Keyspace notifications, on their way from the commands to the subscribers; and messages that must not overtake them.
//!
//! ```text
//!   a command, its shards still locked --events, number of its record--> [ queue ]
//!   once the record is durable --in the queue's order--> Broker --> subscribers
//! ```
//!
//! Events queue up under the shards' locks, so those of one key keep their order. They wait as replies do: nobody hears
//! of a change that a crash could take back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::outlet::Woken;
use super::pubsub::{Broker, Kind};
use crate::keyspace::event::{Classes, Happened};

/// Something to be told.
#[derive(Debug, PartialEq, Eq)]
pub enum Notification {
    Event(Happened),
    /// PUBLISH, where what it may speak of is not durable yet.
    Message {
        kind: Kind,
        channel: Box<[u8]>,
        text: Box<[u8]>,
    },
}

/// What one command or one transaction did.
struct Pending {
    /// The record that must be durable first.
    seq: u64,
    notifications: Vec<Notification>,
}

/// What becomes of a notification, by the record that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Wait,
    Tell,
    /// The log has failed: whether the change lasts is not known.
    Drop,
}

#[derive(Default)]
pub struct Notifications {
    queue: Mutex<VecDeque<Pending>>,
    /// How many are in the queue, or just being told.
    waiting: AtomicUsize,
    /// Held while messages go out, so that two who publish keep the queue's order.
    publishing: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notifications {
    /// Called while the shards of the keys are locked.
    pub fn push(&self, seq: u64, notifications: Vec<Notification>) {
        if notifications.is_empty() {
            return;
        }
        lock(&self.queue).push_back(Pending { seq, notifications });
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether there may be something to publish.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Whether the first in the queue need not wait. Asked by whoever has moved on what is durable: under the queue's
    /// lock, so that either this sees what was pushed, or [`Notifications::publish`] behind the push sees what is durable.
    pub fn is_ready(&self, fate: impl FnOnce(u64) -> Fate) -> bool {
        let queue = lock(&self.queue);
        queue.front().is_some_and(|first| fate(first.seq) != Fate::Wait)
    }

    /// Tells subscribers what may be told. No shard may be locked.
    pub fn publish(&self, fate: impl Fn(u64) -> Fate, wanted: Classes, broker: &Broker, woken: &mut Woken) {
        let _one_at_a_time = lock(&self.publishing);
        // What this client has published before goes before.
        broker.post_published(woken);
        while let Some(pending) = self.next(&fate) {
            for notification in &pending.notifications {
                match notification {
                    Notification::Event(happened) => tell(happened, wanted, broker, woken),
                    Notification::Message { kind, channel, text } => {
                        broker.publish(*kind, channel, text, woken);
                    }
                }
            }
            broker.post_published(woken);
            // Only now: a message that finds nothing waiting goes out at once, and must not overtake these.
            self.waiting.fetch_sub(1, Ordering::Release);
        }
    }

    fn next(&self, fate: impl Fn(u64) -> Fate) -> Option<Pending> {
        let mut queue = lock(&self.queue);
        loop {
            let fate = fate(queue.front()?.seq);
            if fate == Fate::Wait {
                return None;
            }
            let first = queue.pop_front();
            if fate == Fate::Tell {
                return first;
            }
            self.waiting.fetch_sub(1, Ordering::Release);
        }
    }
}

fn tell(happened: &Happened, wanted: Classes, broker: &Broker, woken: &mut Woken) {
    let Happened { db, event, key } = happened;
    if wanted.has(Classes::KEYSPACE) {
        let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
        broker.publish(Kind::Channel, &channel, event.name.as_bytes(), woken);
    }
    if wanted.has(Classes::KEYEVENT) {
        let channel = format!("__keyevent@{db}__:{}", event.name);
        broker.publish(Kind::Channel, channel.as_bytes(), key, woken);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::keyspace::event;
    use crate::protocol::Wire;
    use crate::session::Outlet;
    use crate::session::pubsub::{Subscriber, Subscriptions};

    #[derive(Default)]
    struct Heard(Mutex<String>);

    impl Outlet for Heard {
        fn post(self: Arc<Self>, bytes: &[u8]) -> Option<Arc<dyn Outlet>> {
            lock(&self.0).push_str(&String::from_utf8_lossy(bytes));
            None
        }
    }

    #[test]
    fn events_wait_for_their_records_and_keep_their_order() {
        let (broker, heard) = (Broker::default(), Arc::new(Heard::default()));
        let mut subscriptions = Subscriptions::new(Subscriber::new(1, heard.clone(), Wire::Text));
        broker.subscribe(&mut subscriptions, Kind::Pattern, b"__key*");
        let notifications = Notifications::default();
        let happened =
            |key: &[u8]| vec![Notification::Event(Happened { db: 3, event: event::DEL, key: key.into() })];
        notifications.push(7, happened(b"first"));
        notifications.push(6, happened(b"second"));
        let durable_to = |durable| move |seq| if seq <= durable { Fate::Tell } else { Fate::Wait };
        let mut woken = Woken::default();
        let wanted = Classes::parse("KEg").expect("valid letters");
        notifications.publish(durable_to(6), wanted, &broker, &mut woken);
        assert_eq!(*lock(&heard.0), "");
        assert!(
            notifications.is_waiting()
                && !notifications.is_ready(durable_to(6))
                && notifications.is_ready(durable_to(7))
        );
        notifications.publish(durable_to(7), wanted, &broker, &mut woken);
        let line = |channel: &str, message: &str| format!("pmessage __key* {channel} {message}\n");
        let expected = [
            line("__keyspace@3__:first", "del"),
            line("__keyevent@3__:del", "first"),
            line("__keyspace@3__:second", "del"),
            line("__keyevent@3__:del", "second"),
        ];
        assert_eq!(*lock(&heard.0), expected.concat());
        // What was lost with the log is told to nobody, and holds nobody up.
        notifications.push(9, happened(b"lost"));
        notifications.push(7, happened(b"kept"));
        let failed = |seq| if seq <= 7 { Fate::Tell } else { Fate::Drop };
        assert!(notifications.is_ready(failed));
        notifications.publish(failed, wanted, &broker, &mut woken);
        let told = lock(&heard.0).clone();
        assert!(told.ends_with(&line("__keyevent@3__:del", "kept")) && !told.contains("lost"), "{told}");
        assert!(!notifications.is_waiting());
    }
}
