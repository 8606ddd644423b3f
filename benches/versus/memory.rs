//! What a key costs in resident bytes, and what a connection that does nothing costs.

use std::thread;
use std::time::Duration;

use crate::collections::Filled;
use crate::load;
use crate::options::{Filling, Options};
use crate::peer::{Peer, Server};
use crate::proc;
use crate::request::{Fill, Requests, Template};
use crate::{Result, Rounds};

/// Enough keys that what a server costs empty does not matter.
const KEYS: usize = 1_000_000;
/// One fill is enough: the figure hardly varies.
const SETTLE: Duration = Duration::from_secs(2);

/// What `__value__` is, of a collection's element.
const ELEMENT_BYTES: usize = 16;

/// Resident bytes per key; keys are 16 bytes.
pub fn per_key(options: &Options, filling: &Filling) -> Result<Rounds<f64>> {
    let deadline = if filling.deadline { " PXAT __in:86400000__" } else { "" };
    let template = Template::parse(&format!("SET key:__seq__ __value__{deadline}"))?;
    fresh_servers(options, |peer, server| {
        let mut fill = Fill::new(0, filling.value_bytes, 0);
        let Ok(requests) = Requests::build(peer.kind.dialect(), &template, KEYS, &mut fill) else {
            return Ok(None);
        };
        let grown = growth(server, || load::send_all(server, &requests))?;
        Ok(Some(grown as f64 / KEYS as f64))
    })
}

/// Resident bytes per element of a collection, its key's share included.
pub fn per_element(options: &Options, filled: &Filled) -> Result<Rounds<f64>> {
    let template = Template::parse(filled.command)?;
    fresh_servers(options, |peer, server| {
        let mut fill = Fill::new(0, ELEMENT_BYTES, 0);
        let Ok(requests) = Requests::build(peer.kind.dialect(), &template, filled.times, &mut fill) else {
            return Ok(None);
        };
        let grown = growth(server, || load::send_all(server, &requests))?;
        Ok(Some(grown as f64 / (filled.times * filled.elements) as f64))
    })
}

/// Resident bytes per idle connection.
pub fn per_connection(options: &Options, connections: usize) -> Result<Rounds<f64>> {
    fresh_servers(options, |_, server| {
        let mut open = Vec::with_capacity(connections);
        let grown = growth(server, || {
            for _ in 0..connections {
                open.push(load::connect(server.address)?);
            }
            Ok(())
        })?;
        Ok(Some(grown as f64 / connections as f64))
    })
}

fn fresh_servers(
    options: &Options,
    measure: impl Fn(&Peer, &Server) -> Result<Option<f64>>,
) -> Result<Rounds<f64>> {
    let mut rounds = Vec::new();
    for peer in &options.peers {
        let server = peer.start(options.durability)?;
        rounds.push(measure(peer, &server)?.into_iter().collect());
    }
    Ok(rounds)
}

fn growth(server: &Server, grow: impl FnOnce() -> Result<()>) -> Result<u64> {
    let before = proc::resident_bytes(server.pid());
    grow()?;
    // Tables that grow bit by bit, and buffers that are given back, come to rest.
    thread::sleep(SETTLE);
    Ok(proc::resident_bytes(server.pid()).saturating_sub(before))
}
