//! The plain comparison: one command, the same load on each server in turn.

use std::time::Duration;

use crate::load::{self, Outcome, Shape};
use crate::options::{Case, Options};
use crate::peer::{Peer, Server};
use crate::request::{Fill, Requests, Template};
use crate::{Result, Rounds};

/// Requests in the ring that a load cycles through.
const RING: usize = 1 << 16;
/// Where subscribers listen.
pub const CHANNEL: &str = "channel";
/// Not measured: the first moments after filling.
const WARM_UP: Duration = Duration::from_millis(300);

/// A server that does not know the command has no rounds.
pub fn run(options: &Options, case: &Case) -> Result<Rounds<Outcome>> {
    in_turn(
        options,
        |peer| ring(options, peer, &case.template, case.shape.pipeline).ok(),
        |server, requests| {
            for (template, times) in &case.setup {
                send(options, server, template, *times)?;
            }
            let _heard = load::Listeners::start(server, case.subscribers, CHANNEL)?;
            load::run(server, requests, &Shape { duration: WARM_UP, ..case.shape.clone() })?;
            load::run(server, requests, &case.shape)
        },
    )
}

/// Measures each server in each round. Every time it is a new process: where its memory happens to lie
/// makes a difference of several percent, which the median is to see.
pub fn in_turn<R, T>(
    options: &Options,
    prepare: impl Fn(&Peer) -> Option<R>,
    measure: impl Fn(&Server, &R) -> Result<T>,
) -> Result<Rounds<T>> {
    let prepared: Vec<Option<R>> = options.peers.iter().map(prepare).collect();
    let mut rounds: Rounds<T> = prepared.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for ((peer, requests), outcomes) in options.peers.iter().zip(&prepared).zip(&mut rounds) {
            if let Some(requests) = requests {
                outcomes.push(measure(&start_filled(options, peer)?, requests)?);
            }
        }
    }
    Ok(rounds)
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
fn start_filled(options: &Options, peer: &Peer) -> Result<Server> {
    let server = peer.start(options.durability)?;
    let every_key = Template::parse("SET key:__seq__ __value__")?;
    send(options, &server, &every_key, options.keys as usize)?;
    for (template, times) in &options.setup {
        send(options, &server, template, *times)?;
    }
    Ok(server)
}

fn send(options: &Options, server: &Server, template: &Template, times: usize) -> Result<()> {
    let mut fill = Fill::new(options.keys, options.value_bytes, 7);
    let requests = Requests::build(server.kind.dialect(), template, times, &mut fill)?;
    load::send_all(server, &requests)
}
