//! The connections that the reactor watches, by token.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use slab::Slab;

use super::LISTENERS;
use super::input::Input;
use crate::connection::Connection;

/// What the reactor alone keeps of a connection.
pub(super) struct Peer {
    pub connection: Arc<Connection>,
    pub input: Input,
    /// Set while the socket is full: since when nothing has been taken.
    pub stalled_since: Option<Instant>,
    /// The tick at which it was last heard of; while it shakes hands, when it came.
    pub active_second: u32,
    /// For so many seconds more waits for it than the soft limit allows.
    pub seconds_over: u32,
    /// It is being closed.
    pub doomed: bool,
    /// The reactor holds the turn, to drain.
    pub drains: bool,
    /// Reading waits until enough of the inbox has been run.
    pub paused: bool,
    /// The end of the peer's bytes has arrived, perhaps behind some that are still to be read: a short read does not
    /// say that the socket is empty, and no further event will.
    pub half_closed: bool,
    /// The peer sends no more.
    pub ended: bool,
    /// All is said; what the peer still sends is thrown away until it has seen the last reply and hangs up.
    pub lingers_since: Option<Instant>,
}

impl Peer {
    pub fn new(connection: Arc<Connection>, second: u32) -> Peer {
        Peer {
            connection,
            input: Input::default(),
            stalled_since: None,
            seconds_over: 0,
            doomed: false,
            active_second: second,
            drains: false,
            paused: false,
            half_closed: false,
            ended: false,
            lingers_since: None,
        }
    }

    /// Shows others what has come of an unfinished request; nearly always there is none, and was none.
    pub fn show_input(&self) {
        let kept = &self.connection.client.kept;
        let unfinished = self.input.unfinished();
        if kept.unfinished.load(Ordering::Relaxed) != unfinished {
            kept.unfinished.store(unfinished, Ordering::Relaxed);
            kept.room.store(self.input.room(), Ordering::Relaxed);
        }
    }

    /// Returns the connection if its turn comes along; otherwise whoever has it closes.
    pub fn kill(&mut self) -> Option<Arc<Connection>> {
        self.doomed = true;
        self.stalled_since = None;
        let gets_turn = self.connection.kill() || std::mem::take(&mut self.drains);
        gets_turn.then(|| Arc::clone(&self.connection))
    }
}

/// A token is a place in the slab below and a count of arrivals above. Places are used again, and one poll may hold
/// the last event of a connection behind the arrival of the next one to sit in its place: by the place alone, a client
/// that has just come would be taken for one that hangs up.
pub(super) struct Peers<P = Peer> {
    places: Slab<(usize, P)>,
    arrivals: usize,
}

const PLACE_BITS: u32 = usize::BITS / 2;
const PLACE: usize = (1 << PLACE_BITS) - 1;
/// So that every token is below those of listeners.
const ARRIVALS_MAX: usize = LISTENERS >> PLACE_BITS;

impl<P> Peers<P> {
    pub fn new() -> Self {
        Self { places: Slab::new(), arrivals: 0 }
    }

    /// The token of the next one to be inserted.
    pub fn next_token(&self) -> usize {
        (self.arrivals << PLACE_BITS) | self.places.vacant_key()
    }

    pub fn insert(&mut self, token: usize, peer: P) {
        let place = self.places.insert((token, peer));
        debug_assert_eq!(place, token & PLACE, "it is the next token");
        self.arrivals = (self.arrivals + 1) % ARRIVALS_MAX;
    }

    /// Whoever has this token, if it is still there.
    pub fn get_mut(&mut self, token: usize) -> Option<&mut P> {
        let (whose, peer) = self.places.get_mut(token & PLACE)?;
        (*whose == token).then_some(peer)
    }

    pub fn remove(&mut self, token: usize) {
        if self.get_mut(token).is_some() {
            self.places.remove(token & PLACE);
        }
    }

    pub fn retain(&mut self, mut stays: impl FnMut(&P) -> bool) {
        self.places.retain(|_, (_, peer)| stays(peer));
    }

    pub fn iter(&self) -> impl Iterator<Item = &P> {
        self.places.iter().map(|(_, (_, peer))| peer)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut P> {
        self.places.iter_mut().map(|(_, (_, peer))| peer)
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_reach_who_comes_later() {
        let mut peers = Peers::new();
        let first = peers.next_token();
        peers.insert(first, "first");
        assert_eq!(peers.get_mut(first), Some(&mut "first"));
        peers.remove(first);
        let second = peers.next_token();
        peers.insert(second, "second");
        assert_eq!(first & PLACE, second & PLACE, "the place is used again");
        peers.remove(first);
        assert_eq!(peers.get_mut(first), None);
        assert_eq!(peers.len(), 1);
        assert_eq!(peers.get_mut(second), Some(&mut "second"));
    }

    #[test]
    fn tokens_stay_below_those_of_listeners() {
        let mut peers = Peers { places: Slab::new(), arrivals: ARRIVALS_MAX - 1 };
        let last = peers.next_token();
        assert!(last < LISTENERS);
        peers.insert(last, ());
        assert_eq!(peers.next_token(), 1, "the count begins anew");
    }
}
