//! The plain comparison: one command, the same load on each server in turn.

use std::time::Duration;

use crate::load::{self, Outcome, Shape};
use crate::options::{Case, Options};
use crate::peer::{Peer, Server};
use crate::request::{Fill, Requests, Template};
use crate::{Result, Rounds};

/// Requests in the ring that a load cycles through.
const RING: usize = 1 << 16;
/// Not measured: the first moments after filling.
const WARM_UP: Duration = Duration::from_millis(300);

/// A server that does not know the command has no rounds.
pub fn run(options: &Options, case: &Case) -> Result<Rounds<Outcome>> {
    let mut contestants = Vec::new();
    for peer in &options.peers {
        contestants.push(Contestant::new(options, peer, &case.template, &case.shape)?);
    }
    let mut rounds: Rounds<Outcome> = contestants.iter().map(|_| Vec::new()).collect();
    for round in 0..=options.rounds {
        for (contestant, outcomes) in contestants.iter().zip(&mut rounds) {
            let Some(contestant) = contestant else { continue };
            match round {
                0 => drop(contestant.run(&Shape { duration: WARM_UP, ..case.shape.clone() })?),
                _ => outcomes.push(contestant.run(&case.shape)?),
            }
        }
    }
    Ok(rounds)
}

/// A running server and the requests it is to be asked.
struct Contestant {
    server: Server,
    requests: Requests,
}

impl Contestant {
    fn new(options: &Options, peer: &Peer, template: &Template, shape: &Shape) -> Result<Option<Self>> {
        let Ok(requests) = ring(options, peer, template, shape.pipeline) else { return Ok(None) };
        Ok(Some(Self { server: start_filled(options, peer)?, requests }))
    }

    fn run(&self, shape: &Shape) -> Result<Outcome> {
        load::run(&self.server, &self.requests, shape)
    }
}

/// The requests of a load: a whole number of pipelines.
pub fn ring(
    options: &Options,
    peer: &Peer,
    template: &Template,
    pipeline: usize,
) -> std::result::Result<Requests, String> {
    let mut fill = Fill::new(options.keys, options.value_bytes, 42);
    Requests::build(peer.kind.dialect(), template, RING.next_multiple_of(pipeline), &mut fill)
}

/// A server that holds every key, and whatever `--setup` asked for.
pub fn start_filled(options: &Options, peer: &Peer) -> Result<Server> {
    let server = peer.start(options.durability)?;
    let every_key = Template::parse("SET key:__seq__ __value__")?;
    send(options, &server, &every_key, options.keys as usize)?;
    Ok(server)
}

pub fn set_up(options: &Options, server: &Server) -> Result<()> {
    options.setup.iter().try_for_each(|(template, times)| send(options, server, template, *times))
}

fn send(options: &Options, server: &Server, template: &Template, times: usize) -> Result<()> {
    let mut fill = Fill::new(options.keys, options.value_bytes, 7);
    let requests = Requests::build(server.kind.dialect(), template, times, &mut fill)?;
    load::send_all(server, &requests)
}
