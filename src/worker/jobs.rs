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
/// more of them, or spinning, would be the time of the reactor and of clients, on whom it waits.
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
    /// Workers that will take the next job soon: not asleep, and not at a command that may run for long.
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
pub struct Relief {
    taken: u64,
    since: Instant,
}

impl Default for Relief {
    fn default() -> Self {
        Self { taken: 0, since: Instant::now() }
    }
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

    /// The next job for this worker, which sleeps until there is one.
    pub fn take(&self, worker: usize) -> J {
        loop {
            if let Some(job) = self.look_for_one() {
                return job;
            }
            let mut crew = self.crew();
            crew.asleep.push((worker, thread::current()));
            crew.at_hand -= 1;
            drop(crew);
            if let Some(job) = self.try_take() {
                self.get_up(worker);
                return job;
            }
            // Others may be woken by what was meant for this one, and the other way round: the list decides.
            while self.crew().asleep.iter().any(|&(asleep, _)| asleep == worker) {
                thread::park();
            }
        }
    }

    fn look_for_one(&self) -> Option<J> {
        let again = || {
            thread::yield_now();
            self.try_take()
        };
        self.try_take().or_else(|| (0..YIELDS).find_map(|_| again()))
    }

    fn try_take(&self) -> Option<J> {
        let job = self.incoming.try_recv().ok()?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(job)
    }

    /// A worker that has lain down and is awake again, unless somebody has woken it meanwhile.
    fn get_up(&self, worker: usize) {
        let mut crew = self.crew();
        if let Some(at) = crew.asleep.iter().position(|&(asleep, _)| asleep == worker) {
            crew.asleep.remove(at);
            crew.at_hand += 1;
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
        if self.is_empty() || taken != relief.taken {
            *relief = Relief { taken, since: now };
        } else if now - relief.since >= PATIENCE {
            relief.since = now;
            self.crew().wake_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    const STOP: u32 = u32::MAX;

    /// Worker 0 sleeps; whoever asks gets what it takes.
    fn with_sleeper(jobs: &Arc<Jobs<u32>>, test: impl FnOnce(&std::sync::mpsc::Receiver<u32>)) {
        let (sender, taken) = channel();
        let shared = Arc::clone(jobs);
        let sleeper = thread::spawn(move || {
            loop {
                match shared.take(0) {
                    STOP => return,
                    job => sender.send(job).expect("the test listens"),
                }
            }
        });
        while jobs.crew().asleep.is_empty() {
            thread::yield_now();
        }
        test(&taken);
        jobs.push(STOP);
        sleeper.join().expect("the sleeper ends");
    }

    #[test]
    fn every_job_is_taken_once() {
        let jobs = Arc::new(Jobs::new(3));
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let jobs = Arc::clone(&jobs);
                thread::spawn(move || {
                    std::iter::repeat_with(|| jobs.take(worker))
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
        let jobs = Arc::new(Jobs::new(2));
        with_sleeper(&jobs, |taken| {
            // Worker 1 is awake, and should take the first; with the second, one of the two has waited too long.
            jobs.push_to(1, 1);
            assert_eq!(jobs.crew().asleep.len(), 1);
            jobs.push_to(2, 1);
            assert_eq!((taken.recv(), taken.recv()), (Ok(1), Ok(2)));
        });
    }

    #[test]
    fn a_worker_that_stays_away_is_relieved() {
        let jobs = Arc::new(Jobs::new(2));
        with_sleeper(&jobs, |taken| {
            jobs.push_to(1, 1);
            let begun = Instant::now();
            let mut relief = Relief { taken: 0, since: begun };
            jobs.relieve(&mut relief, begun);
            assert_eq!(jobs.crew().asleep.len(), 1, "it has not waited yet");
            jobs.relieve(&mut relief, begun + PATIENCE);
            assert_eq!(taken.recv(), Ok(1));
        });
    }

    #[test]
    fn a_long_command_leaves_the_rest_to_others() {
        let jobs = Arc::new(Jobs::new(2));
        with_sleeper(&jobs, |taken| {
            jobs.push_to(1, 1);
            jobs.leave();
            assert_eq!(taken.recv(), Ok(1));
            jobs.come_back();
        });
    }
}
