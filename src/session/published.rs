//! Messages that one client publishes in a row in one channel: they are posted together, so that each subscriber's queue
//! is locked once for all of them, and is sent more at a time.

use super::pubsub::Kind;
use crate::limits;
use crate::protocol::Reply;

/// More than this is not gathered.
const GATHERED_BYTES: usize = limits::READ_CHUNK;

/// Messages that have not been posted yet.
pub struct Published {
    kind: Kind,
    channel: Vec<u8>,
    /// All of them, back to back, and where each ends.
    texts: Vec<u8>,
    ends: Vec<usize>,
}

impl Default for Published {
    fn default() -> Published {
        Published { kind: Kind::Channel, channel: Vec::new(), texts: Vec::new(), ends: Vec::new() }
    }
}

impl Published {
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn channel(&self) -> &[u8] {
        &self.channel
    }

    /// Whether one more message in this channel can go with them.
    pub(super) fn takes(&self, kind: Kind, channel: &[u8], text: &[u8]) -> bool {
        self.is_empty()
            || self.kind == kind
                && self.channel == channel
                && self.texts.len() + self.ends.len() * channel.len() + text.len() <= GATHERED_BYTES
    }

    pub(super) fn push(&mut self, kind: Kind, channel: &[u8], text: &[u8]) {
        if self.is_empty() {
            self.kind = kind;
            self.channel.clear();
            self.channel.extend_from_slice(channel);
        }
        self.texts.extend_from_slice(text);
        self.ends.push(self.texts.len());
    }

    pub(super) fn write(&self, reply: &mut Reply) {
        let verb: &[u8] = if self.kind == Kind::Shard { b"smessage" } else { b"message" };
        let mut start = 0;
        for &end in &self.ends {
            reply.push(3);
            [verb, &self.channel, &self.texts[start..end]].iter().for_each(|part| reply.bulk(part));
            start = end;
        }
    }

    /// Keeps the memory for the next ones, unless it has become large.
    pub(super) fn cleared(mut self) -> Published {
        if self.texts.capacity() + self.channel.capacity() > 2 * GATHERED_BYTES {
            return Published::default();
        }
        self.texts.clear();
        self.ends.clear();
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::protocol::Wire;
    use crate::session::pubsub::{Subscriber, Subscriptions};
    use crate::session::{Broker, Outlet, Woken};

    /// What was posted, post by post.
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Heard {
        fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().expect("no test panics with it"))
        }
    }

    impl Outlet for Heard {
        fn post(self: Arc<Self>, bytes: &[u8]) -> Option<Arc<dyn Outlet>> {
            self.0.lock().expect("no test panics with it").push(String::from_utf8_lossy(bytes).into_owned());
            None
        }
    }

    fn listener(broker: &Broker, names: &[(Kind, &str)]) -> (Arc<Heard>, Subscriptions) {
        let heard = Arc::new(Heard::default());
        let mut subscriptions = Subscriptions::new(Subscriber::new(1, heard.clone(), Wire::Text));
        names
            .iter()
            .for_each(|(kind, name)| _ = broker.subscribe(&mut subscriptions, *kind, name.as_bytes()));
        (heard, subscriptions)
    }

    #[test]
    fn messages_in_a_row_are_posted_together_and_all_in_order() {
        let (broker, mut woken) = (Broker::default(), Woken::default());
        let (heard, _kept) = listener(
            &broker,
            &[(Kind::Channel, "a"), (Kind::Channel, "b"), (Kind::Shard, "a"), (Kind::Pattern, "b*")],
        );
        let mut publish = |kind, channel: &str, text: &str| {
            broker.publish(kind, channel.as_bytes(), text.as_bytes(), &mut woken)
        };
        assert_eq!(publish(Kind::Channel, "a", "1"), 1);
        assert_eq!(publish(Kind::Channel, "a", ""), 1);
        assert_eq!(publish(Kind::Channel, "nobody", "0"), 0);
        assert_eq!(heard.take(), [""; 0]);
        assert_eq!(publish(Kind::Shard, "a", "2"), 1);
        assert_eq!(heard.take(), ["message a 1\nmessage a \"\"\n"]);
        assert_eq!(publish(Kind::Channel, "b", "3"), 2);
        assert_eq!(heard.take(), ["smessage a 2\n", "message b 3\n", "pmessage b* b 3\n"]);
        publish(Kind::Channel, "a", "4");
        broker.post_published(&mut woken);
        broker.post_published(&mut woken);
        assert_eq!(heard.take(), ["message a 4\n"]);
    }

    #[test]
    fn only_so_much_is_gathered() {
        let (broker, mut woken) = (Broker::default(), Woken::default());
        let (heard, _kept) = listener(&broker, &[(Kind::Channel, "c")]);
        let text = "x".repeat(GATHERED_BYTES / 4);
        (0..10).for_each(|_| _ = broker.publish(Kind::Channel, b"c", text.as_bytes(), &mut woken));
        let large = "y".repeat(2 * GATHERED_BYTES);
        broker.publish(Kind::Channel, b"c", large.as_bytes(), &mut woken);
        broker.post_published(&mut woken);
        let messages: Vec<_> = heard.take().iter().map(|post| post.matches("message").count()).collect();
        assert_eq!(messages, [3, 3, 3, 1, 1]);
        assert!(
            woken.published.texts.capacity() <= 2 * GATHERED_BYTES,
            "a large message's memory is not kept"
        );
    }
}
