//! Jobs on their way, and which worker wakes for one.
//!
//! The channel holds the jobs; who sleeps is kept beside it, the last to fall asleep on top: that one is woken first,
//! since its caches are warmest. A worker that is awake takes the next job when it is done with its own. So a poll's
//! requests wake another only while fewer are awake than have a core to run on, or when an earlier job still waits:
//! threads that take turns on one core cost their caches, and every client its tail. Should a worker stay away for
//! longer than [`PATIENCE`] all the same, on a slow command or a lock, the reactor wakes another for what waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

/// How long a job waits for the workers that are awake.
pub const PATIENCE: Duration = Duration::from_millis(1);

/// Time slices given away before a worker falls asleep. The next requests often come meanwhile, and save a wake-up;
/// more of them, or spinning, would be the time of the reactor and of clients, on whom it waits. Where it waits for the
/// disk as well, nothing comes so soon.
const YIELDS: usize = 4;

pub struct Jobs<J> {
    outgoing: Sender<J>,
    incoming: Receiver<J>,
    crew: Mutex<Crew>,
    /// Jobs that workers have taken.
    taken: AtomicU64,
}

struct Crew {
    /// By number, the last to fall asleep at the end.
    asleep: Vec<(usize, Thread)>,
    /// Workers that will take the next job soon: not asleep, and not at a long command or a delivery.
    at_hand: usize,
}

impl Crew {
    fn wake_one(&mut self) {
        if let Some((_, thread)) = self.asleep.pop() {
            self.at_hand += 1;
            thread.unpark();
        }
    }
}

/// What the reactor remembers of jobs that wait.
#[derive(Default)]
pub struct Relief {
    taken: u64,
    /// Since when some wait and none is taken.
    since: Option<Instant>,
}

impl<J> Jobs<J> {
    pub fn new(workers: usize) -> Self {
        let (outgoing, incoming) = unbounded();
        let crew = Crew { asleep: Vec::with_capacity(workers), at_hand: workers };
        Self { outgoing, incoming, crew: Mutex::new(crew), taken: AtomicU64::new(0) }
    }

    fn crew(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a job over, and wakes a worker for it if any sleeps.
    pub fn push(&self, job: J) {
        self.push_to(job, usize::MAX);
    }

    /// Hands a job over; if `enough` workers are at hand, and no other job waits, they take it in their own time.
    pub fn push_to(&self, job: J, enough: usize) {
        // Never fails: both ends are kept here.
        drop(self.outgoing.send(job));
        // Behind the job: a worker that this does not see asleep looks once more before it sleeps.
        let mut crew = self.crew();
        if crew.at_hand < enough || self.incoming.len() > 1 {
            crew.wake_one();
        }
    }

    /// The next job for this worker, which sleeps until there is one. `soon`: it will hardly have to.
    pub fn take(&self, worker: usize, soon: bool) -> J {
        loop {
            if let Some(job) = self.look_for_one(if soon { YIELDS } else { 0 }) {
                return job;
            }
            self.lie_down(worker);
            if let Some(job) = self.try_take() {
                self.get_up(worker);
                return job;
            }
            // Others may be woken by what was meant for this one, and the other way round: the list decides.
            while self.is_asleep(worker) {
                thread::park();
            }
        }
    }

    fn look_for_one(&self, yields: usize) -> Option<J> {
        let again = || {
            thread::yield_now();
            self.try_take()
        };
        self.try_take().or_else(|| (0..yields).find_map(|_| again()))
    }

    fn try_take(&self) -> Option<J> {
        let job = self.incoming.try_recv().ok()?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(job)
    }

    fn lie_down(&self, worker: usize) {
        let mut crew = self.crew();
        crew.asleep.push((worker, thread::current()));
        crew.at_hand -= 1;
    }

    fn is_asleep(&self, worker: usize) -> bool {
        self.crew().asleep.iter().any(|&(asleep, _)| asleep == worker)
    }

    /// A worker that has lain down and found a job after all.
    fn get_up(&self, worker: usize) {
        let mut crew = self.crew();
        if let Some(at) = crew.asleep.iter().position(|&(asleep, _)| asleep == worker) {
            crew.asleep.remove(at);
            crew.at_hand += 1;
        } else if !self.is_empty() {
            // Somebody has woken it meanwhile, for another job.
            crew.wake_one();
        }
    }

    pub fn is_empty(&self) -> bool {
        self.incoming.is_empty()
    }

    /// The worker may be away for long: what waits is for others.
    pub fn leave(&self) {
        let mut crew = self.crew();
        crew.at_hand -= 1;
        if !self.is_empty() {
            crew.wake_one();
        }
    }

    pub fn come_back(&self) {
        self.crew().at_hand += 1;
    }

    /// Wakes another worker if none has taken a job for [`PATIENCE`] although some wait.
    pub fn relieve(&self, relief: &mut Relief, now: Instant) {
        let taken = self.taken.load(Ordering::Relaxed);
        match relief.since {
            _ if self.is_empty() => relief.since = None,
            Some(since) if taken == relief.taken => {
                if now.saturating_duration_since(since) >= PATIENCE {
                    relief.since = Some(now);
                    self.crew().wake_one();
                }
            }
            _ => *relief = Relief { taken, since: Some(now) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const STOP: u32 = u32::MAX;

    /// Worker 0 of two sleeps, as far as others can see; worker 1 is awake.
    fn with_a_sleeper() -> Jobs<u32> {
        let jobs = Jobs::new(2);
        jobs.lie_down(0);
        jobs
    }

    #[test]
    fn every_job_is_taken_once() {
        let jobs = Arc::new(Jobs::new(3));
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let jobs = Arc::clone(&jobs);
                thread::spawn(move || {
                    std::iter::repeat_with(|| jobs.take(worker, true))
                        .take_while(|&job| job != STOP)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        thread::scope(|scope| {
            for sender in 0..2 {
                let jobs = &jobs;
                scope.spawn(move || {
                    for job in 0..20_000 {
                        jobs.push_to(sender * 20_000 + job, 1);
                        if job % 64 == 0 {
                            thread::yield_now();
                        }
                    }
                });
            }
        });
        (0..3).for_each(|_| jobs.push(STOP));
        let mut taken: Vec<u32> =
            workers.into_iter().flat_map(|worker| worker.join().expect("no worker fails")).collect();
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..40_000));
    }

    #[test]
    fn nobody_wakes_while_enough_are_at_hand() {
        let jobs = with_a_sleeper();
        jobs.push_to(1, 1);
        assert!(jobs.is_asleep(0), "worker 1 takes it");
        jobs.push_to(2, 1);
        assert!(!jobs.is_asleep(0), "the first has waited for too long");
    }

    #[test]
    fn a_worker_that_stays_away_is_relieved() {
        let jobs = with_a_sleeper();
        let (begun, mut relief) = (Instant::now(), Relief::default());
        jobs.relieve(&mut relief, begun);
        jobs.push_to(1, 1);
        for late in [PATIENCE * 9, PATIENCE * 9 + PATIENCE / 2] {
            jobs.relieve(&mut relief, begun + late);
            assert!(jobs.is_asleep(0), "it is not seen to have waited yet");
        }
        jobs.relieve(&mut relief, begun + PATIENCE * 10);
        assert!(!jobs.is_asleep(0));
    }

    #[test]
    fn a_long_command_leaves_the_rest_to_others() {
        let jobs = with_a_sleeper();
        jobs.push_to(1, 1);
        jobs.leave();
        assert!(!jobs.is_asleep(0));
    }

    #[test]
    fn a_wake_up_that_came_too_late_is_passed_on() {
        let jobs = with_a_sleeper();
        jobs.lie_down(1);
        jobs.push(1);
        assert!(jobs.is_asleep(0), "worker 1 was the last to lie down");
        // It finds the job before it knows that it was woken; what comes now is for another.
        jobs.push(2);
        assert!(!jobs.is_asleep(0));
        jobs.lie_down(0);
        assert_eq!(jobs.try_take(), Some(1));
        jobs.get_up(1);
        assert!(!jobs.is_asleep(0));
    }
}
