//! Once a second: clients that have had their time, or more than their share of memory, are closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Peer, Running};
use crate::connection::Connection;
use crate::limits;
use crate::machine::now_ms;
use crate::session::Client;

/// How often memory is looked at, where all clients together have a limit.
pub(super) const WEIGH_EVERY: Duration = Duration::from_millis(100);

/// Recycled buffers that are kept for the next burst.
const SPARE_KEPT: usize = 4;

/// The largest buffers that any client had, second by second.
#[derive(Default)]
pub(super) struct Peaks {
    /// Input and output of the last seconds. Redis: `CLIENTS_PEAK_MEM_USAGE_SLOTS`.
    seconds: [(usize, usize); 8],
}

impl Running {
    pub(super) fn tick(&mut self, now: Instant) {
        self.seconds = self.seconds.wrapping_add(1);
        self.close_stalled(now);
        self.close_lingering(now);
        self.close_hesitant();
        self.close_idle();
        self.close_slow();
        self.note_peaks();
        self.shed_buffers();
        // After a failed accept no event would say that somebody waits.
        let listeners: Vec<usize> = self.listeners.iter().map(|(key, _)| key).collect();
        listeners.into_iter().for_each(|listener| self.accept(listener));
        self.hand_over();
    }

    /// Closes them, whatever they are doing. The reason is for the log.
    fn close_all(&mut self, level: tracing::Level, why: &str, which: impl Fn(&Peer) -> bool) -> usize {
        let mut closed = 0;
        for peer in self.peers.iter_mut() {
            if !peer.doomed && which(peer) {
                let Client { id, origin, .. } = &*peer.connection.client;
                match level {
                    tracing::Level::DEBUG => tracing::debug!("{why}: id={id} addr={}", origin.address),
                    _ => tracing::info!("{why}: id={id} addr={}", origin.address),
                }
                self.ready.extend(peer.kill());
                closed += 1;
            }
        }
        closed
    }

    pub(super) fn kill(&mut self, which: impl Fn(&Connection) -> bool) {
        for peer in self.peers.iter_mut() {
            if which(&peer.connection) {
                self.ready.extend(peer.kill());
            }
        }
    }

    /// They read nothing of their replies.
    fn close_stalled(&mut self, now: Instant) {
        let limit = Duration::from_secs(limits::OUTPUT_STALL_SECONDS);
        self.close_all(tracing::Level::INFO, "closing a client that does not read its replies", |peer| {
            peer.stalled_since.is_some_and(|since| now - since > limit)
        });
    }

    /// They have had the last reply, and go on sending.
    fn close_lingering(&mut self, now: Instant) {
        let limit = Duration::from_secs(limits::LINGER_SECONDS);
        self.peers.retain(|peer| peer.lingers_since.is_none_or(|since| now - since <= limit));
    }

    /// They do not come to an end with their TLS handshake.
    fn close_hesitant(&mut self) {
        let second = self.seconds;
        self.close_all(
            tracing::Level::DEBUG,
            "closing a client that does not finish its handshake",
            |peer| {
                second.wrapping_sub(peer.active_second) > limits::HANDSHAKE_SECONDS
                    && peer.connection.stream.is_handshaking()
            },
        );
    }

    /// `timeout`. Who waits for a key or for messages is not idle.
    fn close_idle(&mut self) {
        let timeout = self.server.buffers.timeout_seconds();
        if timeout == 0 {
            return;
        }
        let (second, now_ms) = (self.seconds, now_ms());
        self.close_all(tracing::Level::DEBUG, "Closing idle client", |peer| {
            // Neither has it sent anything, nor has it had a reply to what it sent long ago.
            second.wrapping_sub(peer.active_second) > timeout
                && now_ms.saturating_sub(peer.connection.client.active_ms()) > u64::from(timeout) * 1000
                && !peer.connection.client.is_subscriber()
                && peer.connection.is_idle()
        });
    }

    /// `client-output-buffer-limit`, the soft one: for how long the limit has been passed is counted here.
    fn close_slow(&mut self) {
        let buffers = Arc::clone(&self.server.buffers);
        for peer in self.peers.iter_mut() {
            let client = &peer.connection.client;
            let limit = buffers.output(client.class());
            let is_over = limit.soft_bytes > 0 && client.kept.output() > limit.soft_bytes;
            peer.seconds_over = if is_over { peer.seconds_over.saturating_add(1) } else { 0 };
        }
        let over = |peer: &Peer| {
            peer.seconds_over > 0
                && peer.seconds_over > buffers.output(peer.connection.client.class()).soft_seconds
        };
        let closed = self.close_all(
            tracing::Level::INFO,
            "Client closed for overcoming of output buffer limits",
            over,
        );
        self.server.metrics.clients.output_overflows.fetch_add(closed as u64, Ordering::Relaxed);
    }

    /// What a burst has left behind goes by and by, so that idle connections cost what they hold and no more.
    fn shed_buffers(&mut self) {
        self.pool.recycled.take(&mut self.spare);
        if self.spare.len() > SPARE_KEPT {
            self.spare.truncate((self.spare.len() / 2).max(SPARE_KEPT));
        }
    }

    fn note_peaks(&mut self) {
        let kept = || self.peers.iter().map(|peer| &peer.connection.client.kept);
        let largest =
            (kept().map(|k| k.input()).max().unwrap_or(0), kept().map(|k| k.output()).max().unwrap_or(0));
        let slots = &mut self.peaks.seconds;
        slots[self.seconds as usize % slots.len()] = largest;
        let metrics = &self.server.metrics.clients;
        metrics.input_peak.store(slots.iter().map(|slot| slot.0).max().unwrap_or(0), Ordering::Relaxed);
        metrics.output_peak.store(slots.iter().map(|slot| slot.1).max().unwrap_or(0), Ordering::Relaxed);
    }

    /// `maxmemory-clients`: the largest go first, until the rest fits. All count, but not all may be closed.
    pub(super) fn evict_clients(&mut self) {
        let limit = self.server.buffers.clients_max();
        let sizes = self.peers.iter().filter(|peer| !peer.doomed);
        let mut sizes: Vec<(usize, usize)> =
            sizes.map(|peer| (peer.connection.client.memory_bytes(), peer.connection.token)).collect();
        let mut total: usize = sizes.iter().map(|(bytes, _)| bytes).sum();
        if total <= limit {
            return;
        }
        sizes.sort_unstable();
        while let Some((bytes, token)) = sizes.pop().filter(|_| total > limit) {
            let Some(peer) = self.peers.get_mut(token) else { continue };
            let client = &peer.connection.client;
            if client.glance().no_evict {
                continue;
            }
            tracing::info!(
                "Evicting client: id={} addr={} tot-mem={bytes}",
                client.id,
                client.origin.address
            );
            self.server.metrics.clients.evicted.fetch_add(1, Ordering::Relaxed);
            self.ready.extend(peer.kill());
            total -= bytes;
        }
        self.hand_over();
    }
}
