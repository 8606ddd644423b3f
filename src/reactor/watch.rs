//! Once a second: clients that have had their time are closed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Running;
use crate::limits;

impl Running {
    pub(super) fn tick(&mut self, now: Instant) {
        self.seconds = self.seconds.wrapping_add(1);
        self.close_stalled(now);
        self.close_lingering(now);
        self.close_hesitant();
        self.hand_over();
    }

    /// They read nothing of their replies.
    fn close_stalled(&mut self, now: Instant) {
        let limit = Duration::from_secs(limits::OUTPUT_STALL_SECONDS);
        for (_, peer) in &mut self.peers {
            if peer.stalled_since.is_some_and(|since| now - since > limit) {
                tracing::info!(
                    "closing a client that does not read its replies: {}",
                    peer.connection.client.origin.address
                );
                peer.connection.finish();
                peer.drains = false;
                peer.stalled_since = None;
                self.ready.push(Arc::clone(&peer.connection));
            }
        }
    }

    /// They have had the last reply, and go on sending.
    fn close_lingering(&mut self, now: Instant) {
        let limit = Duration::from_secs(limits::LINGER_SECONDS);
        self.peers.retain(|_, peer| peer.lingers_since.is_none_or(|since| now - since <= limit));
    }

    /// They do not come to an end with their TLS handshake.
    fn close_hesitant(&mut self) {
        for (_, peer) in &mut self.peers {
            let age = self.seconds.wrapping_sub(peer.active_second);
            if age > limits::HANDSHAKE_SECONDS
                && peer.connection.stream.is_handshaking()
                && peer.connection.kill()
            {
                self.ready.push(Arc::clone(&peer.connection));
            }
        }
    }
}
