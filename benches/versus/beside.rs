//! The tail: what a GET costs while another client runs something heavy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cases::{in_turn, ring};
use crate::load::{self, Outcome};
use crate::options::{Disturbance, Options};
use crate::peer::Server;
use crate::proc;
use crate::request::{Requests, Template};
use crate::{Result, Rounds};

/// The GETs of one round, and the heavy commands that ran beside them.
pub struct Disturbed {
    pub gets: Outcome,
    pub heavy: Heavy,
    /// Memory that the server took beyond what it had before, at the worst moment, forked children included.
    pub grown_bytes: u64,
}

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Default)]
pub struct Heavy {
    pub commands: u64,
    pub total: Duration,
}

pub fn run(options: &Options, disturbance: &Disturbance) -> Result<Rounds<Disturbed>> {
    let get = Template::parse("GET key:__rand__")?;
    in_turn(
        options,
        |peer| {
            let heavy = ring(options, peer, &disturbance.template, 1).ok()?;
            Some((ring(options, peer, &get, 1).ok()?, heavy))
        },
        |server, (gets, heavy)| measure(server, gets, heavy, disturbance),
    )
}

fn measure(
    server: &Server,
    gets: &Requests,
    heavy: &Requests,
    disturbance: &Disturbance,
) -> Result<Disturbed> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch_memory(server.pid(), &over));
        let run = || disturb(server, heavy, disturbance, &over).map_err(|error| error.to_string());
        let disturbers: Vec<_> = (0..disturbance.clients).map(|_| scope.spawn(run)).collect();
        let gets = load::run(server, gets, &disturbance.shape);
        over.store(true, Ordering::Relaxed);
        let mut heavy = Heavy::default();
        for disturber in disturbers {
            let one = disturber.join().map_err(|_| "a heavy client panicked")??;
            heavy.commands += one.commands;
            heavy.total += one.total;
        }
        let grown_bytes = watcher.join().map_err(|_| "the watcher panicked")?;
        Ok(Disturbed { gets: gets?, heavy, grown_bytes })
    })
}

fn watch_memory(pid: u32, over: &AtomicBool) -> u64 {
    let before = proc::resident_bytes(pid);
    let mut most = 0;
    while !over.load(Ordering::Relaxed) {
        let now = proc::resident_bytes(pid) + proc::childrens_private_bytes(pid);
        most = most.max(now.saturating_sub(before));
        thread::sleep(LOOK);
    }
    most
}

fn disturb(
    server: &Server,
    requests: &Requests,
    disturbance: &Disturbance,
    over: &AtomicBool,
) -> Result<Heavy> {
    let mut heavy = Heavy::default();
    let mut client = load::Blocking::connect(server)?;
    if disturbance.once {
        // In the midst of the GETs, not before the first.
        thread::sleep(disturbance.shape.duration / 10);
    }
    for request in (0..requests.len()).cycle() {
        let asked = Instant::now();
        client.ask(requests.slice(request, 1), 1)?;
        heavy.commands += 1;
        heavy.total += asked.elapsed();
        if disturbance.once || over.load(Ordering::Relaxed) {
            break;
        }
    }
    client.check()?;
    Ok(heavy)
}
