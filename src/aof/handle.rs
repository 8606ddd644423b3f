//! The thread `aof`, and the handle through which everybody else talks to it.
//!
//! The channel has no bound, so that `append` never waits for the disk; the edge watches `backlog_bytes` instead.
//! The thread never blocks on the channel: it empties it, works, and only when it has found nothing says that
//! it sleeps. So `ring` costs a system call only when there is somebody to wake.

use super::backup::{self, BackedUp};
use super::batch::{Batch, COPIED_BYTES, Lanes, Ready};
use super::compaction::{Catalog, Compaction, Step};
use super::error::{Error, Result};
use super::recovery::{self, Recovered, Target};
use super::stats::{Shared, Stats};
use super::storage::Storage;
use super::writer::{End, Located, Now, Writer};
use super::{Event, Policy};
use crate::execute::log::{Health, Log, Seq};
use crate::keyspace::effects::Effects;
use crate::machine;
use crate::memory;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use std::cell::Cell;
use std::io;
use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// Where nobody waits for the disk, the thread looks for work no more often than this, however often it is rung.
const PACE: Duration = Duration::from_millis(2);

/// The log of a running server.
pub struct Aof {
    shared: Arc<Shared>,
    catalog: Arc<Catalog>,
    lanes: Arc<Lanes>,
    messages: Sender<Message>,
    /// The thread has found the channel empty and wants to be woken.
    sleeping: Arc<AtomicBool>,
    thread: Thread,
    join: Mutex<Option<JoinHandle<Outcome>>>,
}

/// How a log ended; the error says what is lost.
type Outcome = std::result::Result<(), String>;

enum Message {
    /// This lane holds a batch.
    Lane(usize),
    /// A full one, or effects that were not worth copying.
    Batch(Box<Batch>),
    Compaction(Box<Step>),
    Policy(Policy),
    /// Sync what was appended before, and say where the log ends then.
    Sync(Option<Sender<Located>>),
    Close,
}

impl Aof {
    /// Starts the thread on a recovered log. `notify` is called on that thread and must not block.
    pub fn start(
        recovered: Recovered,
        policy: Policy,
        notify: Box<dyn FnMut(Event) + Send>,
    ) -> io::Result<Aof> {
        let catalog = Arc::new(Catalog::new(recovered.storage.clone(), recovered.manifest.clone()));
        let writer = Writer::new(recovered, policy, notify, now());
        let shared = writer.shared();
        shared.asked_to_wait.store(policy == Policy::Always, Release);
        let (messages, inbox) = unbounded();
        let sleeping = Arc::new(AtomicBool::new(false));
        let lanes = Arc::new(Lanes::new());
        let thread = Loop { inbox, lanes: lanes.clone(), sleeping: sleeping.clone(), pace: pace(policy) };
        let join = thread::Builder::new().name("aof".to_owned()).spawn(move || thread.run(writer))?;
        let thread = join.thread().clone();
        Ok(Aof { shared, catalog, lanes, messages, sleeping, thread, join: Mutex::new(Some(join)) })
    }

    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// The number of the last record appended.
    pub fn last_seq(&self) -> Seq {
        self.shared.last_seq()
    }

    /// Whoever is told that `always` holds may rely on it from then on, so it does before the thread has heard of it.
    pub fn set_policy(&self, policy: Policy) {
        self.shared.asked_to_wait.store(policy == Policy::Always, Release);
        self.command(Message::Policy(policy));
    }

    /// Has everything appended so far written and synced soon, whatever the policy.
    pub fn sync_soon(&self) {
        self.command(Message::Sync(None));
    }

    /// Copies the log, as it is by now, into an empty storage that lies elsewhere. No compaction may end meanwhile.
    pub fn back_up(&self, to: &dyn Storage) -> Result<BackedUp> {
        let end = self.end()?;
        backup::copy_log(&*self.catalog.storage, &self.catalog.manifest(), &end, to)
    }

    /// Reads the log again from its beginning. Nothing may be appended and no compaction may end meanwhile.
    pub fn reread(&self, target: &mut dyn Target) -> Result<()> {
        self.end()?;
        recovery::reread(&*self.catalog.storage, &self.catalog.manifest(), target)
    }

    /// Syncs, and says where the log ends then.
    fn end(&self) -> Result<End> {
        let (reply, located) = bounded(1);
        self.command(Message::Sync(Some(reply)));
        let located = located.recv().unwrap_or_else(|_| Err("the log was closed".to_owned()));
        located.map_err(|why| {
            let error = io::Error::other(why);
            Error::Storage { doing: "bringing the log to disk".to_owned(), error }
        })
    }

    /// Begins a compaction; one at a time. May be called on any thread that may wait for the disk.
    pub fn begin_compaction(&self) -> Result<Compaction> {
        let (messages, thread) = (self.messages.clone(), self.thread.clone());
        let send = move |step| {
            // Fails only after `close`, which has given the compaction up.
            let _ = messages.send(Message::Compaction(Box::new(step)));
            thread.unpark();
        };
        Compaction::begin(self.catalog.clone(), self.shared.clone(), Box::new(send))
    }

    /// Writes and syncs everything appended before, and ends the thread. The error says what is lost.
    /// Later appends go nowhere.
    pub fn close(&self) -> Outcome {
        let Some(join) = self.join.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        self.command(Message::Close);
        join.join().unwrap_or_else(|_| Err("the thread `aof` has panicked".to_owned()))
    }

    /// Sends what must not wait for the next ring.
    fn command(&self, message: Message) {
        // The receiver is gone only after `close`, when there is nothing left to command.
        let _ = self.messages.send(message);
        self.thread.unpark();
    }
}

impl Drop for Aof {
    fn drop(&mut self) {
        // Whoever wants to know how it went calls `close`.
        let _ = self.close();
    }
}

thread_local! {
    /// The buffer of the effects that this thread has appended last, for the next ones.
    static SPARE: Cell<Effects> = const { Cell::new(Effects::new()) };
}

impl Log for Aof {
    fn collect(&self) -> Effects {
        SPARE.take()
    }

    fn append(&self, mut effects: Effects, generation: u32) -> Seq {
        let records = u64::from(effects.records());
        if records == 0 {
            SPARE.set(effects);
            return self.shared.last_seq();
        }
        let number = || self.shared.next.0.fetch_add(records, SeqCst);
        // Fails only after `close`.
        let send = |message| drop(self.messages.send(message));
        let hand_over = |batch: Batch| {
            self.shared.backlog_bytes.fetch_add(batch.size_bytes(), Relaxed);
            send(Message::Batch(Box::new(batch)));
        };
        let first = if effects.size_bytes() < COPIED_BYTES {
            let add = |batch: &mut Batch| {
                // Numbered here, so that a lane is in order even if two threads share it.
                let first = number();
                batch.push(first, generation, &effects);
                first
            };
            let tell = |ready| match ready {
                Ready::Lane(lane) => send(Message::Lane(lane)),
                Ready::Batch(batch) => hand_over(batch),
            };
            let first = self.lanes.fill(add, tell);
            effects.clear();
            SPARE.set(effects);
            first
        } else {
            let first = number();
            hand_over(Batch::of(first, generation, effects));
            first
        };
        first + records - 1
    }

    fn ring(&self) {
        // Pairs with the fence in `Loop::sleep`: either that thread sees what was sent, or we see that it sleeps.
        fence(SeqCst);
        if self.sleeping.load(Relaxed) && self.sleeping.swap(false, SeqCst) {
            self.thread.unpark();
        }
    }

    fn durable(&self) -> Seq {
        self.shared.durable()
    }

    fn backlog_bytes(&self) -> usize {
        self.shared.backlog_bytes.load(Relaxed)
    }

    fn health(&self) -> Health {
        self.shared.health()
    }
}

/// The thread's side.
struct Loop {
    inbox: Receiver<Message>,
    lanes: Arc<Lanes>,
    sleeping: Arc<AtomicBool>,
    /// How long to leave rings unheard after some work.
    pace: Duration,
}

/// What the channel held.
enum Found {
    Nothing,
    All,
    /// More than one group takes.
    FullGroup,
    Close,
}

fn pace(policy: Policy) -> Duration {
    if policy == Policy::Always { Duration::ZERO } else { PACE }
}

impl Loop {
    fn run(mut self, mut writer: Writer) -> Outcome {
        loop {
            let found = self.drain(&mut writer);
            writer.commit(now());
            writer.tick(now());
            memory::tell();
            match found {
                Found::Nothing => self.sleep(&writer),
                Found::All if self.pace.is_zero() => {}
                Found::All => thread::park_timeout(self.pace),
                Found::FullGroup => {}
                Found::Close => return writer.close(now()),
            }
        }
    }

    /// Takes messages while they come and the group has room.
    fn drain(&mut self, writer: &mut Writer) -> Found {
        let mut found = Found::Nothing;
        while writer.has_room() {
            match self.inbox.try_recv() {
                Ok(Message::Lane(lane)) => {
                    let batch = self.lanes.take(lane, writer.spare());
                    writer.shared.backlog_bytes.fetch_add(batch.size_bytes(), Relaxed);
                    writer.take(batch);
                }
                Ok(Message::Batch(batch)) => writer.take(*batch),
                Ok(Message::Compaction(step)) => writer.compaction_step(*step),
                Ok(Message::Policy(policy)) => {
                    self.pace = pace(policy);
                    writer.set_policy(policy, now());
                }
                Ok(Message::Sync(reply)) => {
                    writer.sync_all(reply, now());
                }
                Ok(Message::Close) | Err(TryRecvError::Disconnected) => return Found::Close,
                Err(TryRecvError::Empty) => return found,
            }
            found = Found::All;
        }
        Found::FullGroup
    }

    /// Until something was sent, or something is due.
    fn sleep(&self, writer: &Writer) {
        self.sleeping.store(true, Relaxed);
        fence(SeqCst);
        if self.inbox.is_empty() {
            match writer.due() {
                Some(due) => thread::park_timeout(due.saturating_duration_since(Instant::now())),
                None => thread::park(),
            }
        }
        self.sleeping.store(false, Relaxed);
    }
}

fn now() -> Now {
    Now { unix_ms: machine::now_ms(), instant: Instant::now() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::restore;
    use crate::aof::storage::FileStorage;
    use std::path::Path;

    fn set(key: &str) -> Effects {
        let mut effects = Effects::new();
        effects.push(0, &[b"SET", key.as_bytes(), b"1"]);
        effects
    }

    /// All records in a directory, one line each, and the log to go on with.
    fn recover(directory: &Path) -> (Vec<String>, Recovered) {
        let storage = Arc::new(FileStorage::open(directory).unwrap());
        let mut lines = Vec::new();
        let mut apply = |db, words: crate::protocol::Words<'_>| {
            let words: Vec<_> = words.iter().map(String::from_utf8_lossy).collect();
            lines.push(format!("{db} {}", words.join(" ")));
            Ok(())
        };
        let recovered = recovery::open(storage, &mut apply, &mut |_, _| {}).unwrap();
        (lines, recovered)
    }

    fn start(directory: &Path) -> (Aof, Receiver<Event>) {
        let (events, seen) = unbounded();
        // Nobody listens any more at the end of a test.
        let notify = Box::new(move |event| _ = events.send(event));
        (Aof::start(recover(directory).1, Policy::Always, notify).unwrap(), seen)
    }

    fn wait_until_durable(aof: &Aof, events: &Receiver<Event>, seq: Seq) {
        aof.ring();
        while aof.durable() < seq {
            assert!(matches!(events.recv().unwrap(), Event::Durable(_) | Event::Synced(_)));
        }
    }

    #[test]
    fn what_is_durable_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let (aof, events) = start(directory.path());
        assert_eq!(aof.durable(), 0);
        assert_eq!(aof.append(set("a"), 0), 1);
        let mut two = set("b");
        two.append(&set("c"));
        assert_eq!(aof.append(two, 0), 3);
        wait_until_durable(&aof, &events, 3);
        assert_eq!(aof.backlog_bytes(), 0);
        aof.append(set("d"), 0);
        aof.close().unwrap();
        assert_eq!(aof.durable(), 4);
        drop(aof);
        let (lines, recovered) = recover(directory.path());
        assert_eq!(lines, ["0 SET a 1", "0 SET b 1", "0 SET c 1", "0 SET d 1"]);
        assert_eq!(recovered.report.last_seq, 4);
    }

    #[test]
    fn many_threads_append_in_one_order() {
        let directory = tempfile::tempdir().unwrap();
        let aof = Aof::start(recover(directory.path()).1, Policy::Everysec, Box::new(|_| {})).unwrap();
        assert_eq!(aof.durable(), Seq::MAX);
        let numbered: Vec<Vec<(Seq, String)>> = thread::scope(|scope| {
            let append = |thread: usize| {
                let append = move |(i, aof): (usize, &Aof)| {
                    let key = format!("{thread}:{i}");
                    let seq = aof.append(set(&key), 0);
                    aof.ring();
                    (seq, format!("0 SET {key} 1"))
                };
                let aof = &aof;
                scope.spawn(move || (0..5_000).map(|i| append((i, aof))).collect())
            };
            let threads: Vec<_> = (0..3).map(append).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        aof.close().unwrap();
        drop(aof);
        let mut numbered: Vec<_> = numbered.concat();
        numbered.sort();
        let expected: Vec<_> = numbered.into_iter().map(|(_, line)| line).collect();
        assert_eq!(recover(directory.path()).0, expected);
    }

    /// All there is in one shard, as its cut would collect it.
    fn snapshot(records: std::ops::Range<u32>) -> Effects {
        let mut all = Effects::new();
        records.for_each(|record| all.append(&set(&record.to_string())));
        all
    }

    #[test]
    fn a_compaction_runs_beside_appends() {
        let directory = tempfile::tempdir().unwrap();
        let (aof, _) = start(directory.path());
        let append = |records: std::ops::Range<u32>, generation| {
            records.for_each(|record| _ = aof.append(set(&record.to_string()), generation));
            aof.ring();
        };
        append(0..100, 0);
        let mut compaction = aof.begin_compaction().unwrap();
        assert!(matches!(aof.begin_compaction(), Err(Error::Busy(_))), "one at a time");
        append(100..200, 0);
        compaction.write(&snapshot(0..200), 1).unwrap();
        append(200..300, compaction.generation());
        let compacted = compaction.finish(1, 1).unwrap();
        assert_eq!(compacted.base_records, 200);
        append(300..400, 0);
        aof.close().unwrap();
        drop(aof);
        let expected: Vec<_> = (0..400).map(|record| format!("0 SET {record} 1")).collect();
        let (lines, recovered) = recover(directory.path());
        assert_eq!(lines, expected);
        assert_eq!(recovered.report.last_seq, 400);
        let names = recovered.manifest.names().collect::<Vec<_>>();
        assert_eq!(names, ["00000001.aof", "00000002.base.aof", "00000003.delta.aof", "00000004.aof"]);
    }

    #[test]
    fn an_abandoned_compaction_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (aof, _) = start(directory.path());
        let compaction = aof.begin_compaction().unwrap();
        let generation = compaction.generation();
        drop(compaction);
        aof.append(set("a"), generation);
        assert_eq!(aof.begin_compaction().unwrap().generation(), generation + 1);
        aof.close().unwrap();
        assert!(aof.begin_compaction().unwrap().finish(0, 1).is_err(), "the log is closed");
        drop(aof);
        assert_eq!(recover(directory.path()).0, ["0 SET a 1"]);
        let mut names: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["00000001.aof", "LOCK", "MANIFEST"]);
    }

    #[test]
    fn an_older_state_can_be_restored_across_a_compaction() {
        let directory = tempfile::tempdir().unwrap();
        let (aof, events) = start(directory.path());
        aof.append(set("0"), 0);
        wait_until_durable(&aof, &events, 1);
        let before = now().unix_ms;
        while now().unix_ms == before {
            thread::yield_now();
        }
        aof.append(set("1"), 0);
        let mut compaction = aof.begin_compaction().unwrap();
        compaction.write(&snapshot(0..2), now().unix_ms).unwrap();
        compaction.finish(1, now().unix_ms).unwrap();
        aof.close().unwrap();
        let copy = tempfile::tempdir().unwrap();
        let [from, to] = [directory.path(), copy.path()].map(|path| FileStorage::open(path).unwrap());
        assert_eq!(restore::until(&from, before, &to).unwrap().seq, 1);
        drop(to);
        assert_eq!(recover(copy.path()).0, ["0 SET 0 1"]);
    }
}
