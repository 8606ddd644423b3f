//! Connections come: listening, accepting, and the first look at a client.

use std::io::ErrorKind;
use std::sync::Arc;

use mio::{Interest, Token};

use super::{LISTENERS, Peer, Running};
use crate::connection::Connection;
use crate::machine::now_ms;
use crate::session::{Client, Origin, Session};
use crate::transport::Stream;
use crate::transport::listener::{Arrival, Changed, Endpoint, Listener, NOWHERE, Plan, bind_all};

impl Running {
    pub(super) fn listen_on(&mut self, mut listener: Listener) {
        let slot = self.listeners.vacant_entry();
        let token = Token(LISTENERS + slot.key());
        match self.poll.registry().register(listener.source(), token, Interest::READABLE) {
            Ok(()) => drop(slot.insert(listener)),
            Err(error) => tracing::warn!("cannot watch {}: {error}", listener.endpoint),
        }
    }

    /// Listens where the plan says, and nowhere else. What is listened at already stays as it is, waiting clients and all.
    /// An address may be free only when the old listener is gone; if it is not to be had, the old one comes back.
    pub(super) fn listen(&mut self, plan: Plan) -> Changed {
        let unwanted: Vec<usize> = self
            .listeners
            .iter()
            .filter(|(_, listener)| !plan.endpoints.contains(&listener.endpoint))
            .map(|(key, _)| key)
            .collect();
        // Dropping a listener closes it, and ends its being watched.
        let closed: Vec<_> = unwanted.iter().map(|&key| self.listeners.remove(key).endpoint).collect();
        let is_open =
            |endpoint: &Endpoint| self.listeners.iter().any(|(_, listener)| listener.endpoint == *endpoint);
        let missing: Vec<_> = plan.endpoints.iter().filter(|endpoint| !is_open(endpoint)).collect();
        let bound = bind_all(missing, plan.backlog).and_then(|new| {
            let is_anywhere = !new.is_empty() || !self.listeners.is_empty();
            if is_anywhere { Ok(new) } else { Err(NOWHERE.into()) }
        });
        match bound {
            Ok(listeners) => {
                listeners.into_iter().for_each(|listener| self.listen_on(listener));
                self.tls = plan.tls;
                Ok(self.listeners.iter().map(|(_, listener)| listener.bound()).collect())
            }
            Err(why) => {
                match bind_all(&closed, plan.backlog) {
                    Ok(listeners) => listeners.into_iter().for_each(|listener| self.listen_on(listener)),
                    Err(error) => tracing::error!("{error}, though this server listened there until now"),
                }
                Err(why)
            }
        }
    }

    pub(super) fn accept(&mut self, listener: usize) {
        while let Some(listener) = self.listeners.get(listener) {
            match listener.accept(self.tls.as_ref()) {
                Ok(None) => {}
                Ok(Some(arrival)) => self.welcome(arrival),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == ErrorKind::Interrupted || e.kind() == ErrorKind::ConnectionAborted => {}
                Err(e) => {
                    // Out of file descriptors, most likely: the clients in the backlog wait for the next tick.
                    tracing::warn!("cannot accept a connection: {e}");
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, arrival: Arrival) {
        let Arrival { mut stream, address, local_address, fd } = arrival;
        let metrics = &self.server.metrics.reactor;
        metrics.connections.add(1);
        let config = self.server.config();
        if self.peers.len() >= config.maxclients {
            metrics.rejected.add(1);
            if !stream.is_handshaking() {
                // A courtesy; whether it arrives is the client's affair.
                let _ = stream.write(b"-ERR max number of clients reached\r\n");
            }
            return;
        }
        stream.prepare(config.tcp_keepalive_seconds);
        drop(config);
        let token = self.peers.next_token();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(e) = self.poll.registry().register(&mut stream, Token(token), interest) {
            tracing::warn!("cannot watch the connection from {address}: {e}");
            return;
        }
        let is_local = matches!(stream, Stream::Unix(_));
        let base_bytes = size_of::<(Peer, Connection, Client)>() + stream.base_bytes();
        let origin = Origin { address, local_address, fd, is_local, base_bytes };
        let client = self.server.clients.connect(origin, now_ms());
        let session = |outlet| Session::new(client, outlet, &self.server.acl);
        let connection = Connection::new(token, stream, session, Arc::clone(&self.common));
        self.peers.insert(token, Peer::new(connection, self.seconds));
    }
}
