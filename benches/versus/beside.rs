//! The tail: what a GET costs while another client runs something heavy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cases::{in_turn, ring};
use crate::load::{self, Outcome};
use crate::options::{Disturbance, Options};
use crate::peer::Server;
use crate::request::{Requests, Template};
use crate::{Result, Rounds};

/// The GETs of one round, and the heavy commands that ran beside them.
pub struct Disturbed {
    pub gets: Outcome,
    pub heavy: Heavy,
}

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
        let disturber =
            scope.spawn(|| disturb(server, heavy, disturbance, &over).map_err(|error| error.to_string()));
        let gets = load::run(server, gets, &disturbance.shape);
        over.store(true, Ordering::Relaxed);
        let heavy = disturber.join().map_err(|_| "the heavy client panicked")??;
        Ok(Disturbed { gets: gets?, heavy })
    })
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
