//! The tail: what a GET costs while another client runs something heavy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cases::{ring, set_up, start_filled};
use crate::load::{self, Outcome};
use crate::options::{Disturbance, Options};
use crate::peer::{Peer, Server};
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
    let mut contestants = Vec::new();
    for peer in &options.peers {
        contestants.push(Contestant::new(options, peer, &get, disturbance)?);
    }
    let mut rounds: Rounds<Disturbed> = contestants.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (contestant, outcomes) in contestants.iter().zip(&mut rounds) {
            if let Some(contestant) = contestant {
                set_up(options, &contestant.server)?;
                outcomes.push(contestant.run(disturbance)?);
            }
        }
    }
    Ok(rounds)
}

struct Contestant {
    server: Server,
    gets: Requests,
    heavy: Requests,
}

impl Contestant {
    /// `None` for a server that does not know the heavy command.
    fn new(
        options: &Options,
        peer: &Peer,
        get: &Template,
        disturbance: &Disturbance,
    ) -> Result<Option<Self>> {
        let Ok(heavy) = ring(options, peer, &disturbance.template, 1) else { return Ok(None) };
        let gets = ring(options, peer, get, 1)?;
        Ok(Some(Self { server: start_filled(options, peer)?, gets, heavy }))
    }

    fn run(&self, disturbance: &Disturbance) -> Result<Disturbed> {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let heavy = scope.spawn(|| self.disturb(disturbance, &over).map_err(|error| error.to_string()));
            let gets = load::run(&self.server, &self.gets, &disturbance.shape);
            over.store(true, Ordering::Relaxed);
            let heavy = heavy.join().map_err(|_| "the heavy client panicked")??;
            Ok(Disturbed { gets: gets?, heavy })
        })
    }

    fn disturb(&self, disturbance: &Disturbance, over: &AtomicBool) -> Result<Heavy> {
        let mut heavy = Heavy::default();
        let mut client = load::Blocking::connect(&self.server)?;
        if disturbance.once {
            // In the midst of the GETs, not before the first.
            thread::sleep(disturbance.shape.duration / 10);
        }
        for request in (0..self.heavy.len()).cycle() {
            let asked = Instant::now();
            client.ask(self.heavy.slice(request, 1), 1)?;
            heavy.commands += 1;
            heavy.total += asked.elapsed();
            if disturbance.once || over.load(Ordering::Relaxed) {
                break;
            }
        }
        client.check()?;
        Ok(heavy)
    }
}
