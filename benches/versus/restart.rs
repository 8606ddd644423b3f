//! How soon a server that was stopped answers again, with everything that its log holds.

use std::time::Instant;

use crate::load;
use crate::options::Options;
use crate::peer::{Durability, Fsync, Peer};
use crate::proc;
use crate::request::{Fill, Requests, Template};
use crate::{Result, Rounds};

/// One start.
pub struct Restart {
    pub seconds: f64,
    pub cpu_seconds: f64,
}

/// All logs are written first, then all servers started in turn. Nobody compacts: it is the plain log that is read.
pub fn run(options: &Options, records: usize) -> Result<Rounds<Restart>> {
    let durability = Durability(options.durability.0.or(Some(Fsync::Everysec)));
    let mut stopped = Vec::new();
    for peer in &options.peers {
        let mut peer = peer.clone();
        peer.extra.extend(["--auto-aof-rewrite-percentage", "0"].map(str::to_owned));
        let dir = fill(options, &peer, durability, records)?;
        stopped.push((peer, dir));
    }
    let mut rounds: Rounds<Restart> = stopped.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for ((peer, dir), outcomes) in stopped.iter().zip(&mut rounds) {
            let started = Instant::now();
            let mut server = peer.launch(durability, dir.clone())?;
            server.await_loaded()?;
            let seconds = started.elapsed().as_secs_f64();
            outcomes.push(Restart { seconds, cpu_seconds: proc::total_cpu_seconds(server.pid()) });
        }
    }
    Ok(rounds)
}

fn fill(
    options: &Options,
    peer: &Peer,
    durability: Durability,
    records: usize,
) -> Result<std::sync::Arc<tempfile::TempDir>> {
    let server = peer.start(durability)?;
    let template = Template::parse("SET key:__seq__ __value__")?;
    let mut fill = Fill::new(0, options.value_bytes, 0);
    load::send_all(&server, &Requests::build(peer.kind.dialect(), &template, records, &mut fill)?)?;
    server.stop()
}
