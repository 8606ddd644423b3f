//! How busy each thread is, as the operating system counts: it costs those threads nothing.

use std::fs;

#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    pub name: String,
    /// On a processor since it began.
    pub cpu_seconds: f64,
}

/// The threads that serve, by name; all further ones (signals, replay, backup, the allocator's) are `other`. Empty where there is no `/proc`.
pub fn all() -> Vec<Thread> {
    let mut threads: Vec<Thread> = Vec::new();
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        // A thread may end while we look.
        let Ok(name) = fs::read_to_string(task.path().join("comm")) else { continue };
        let Some(nanos) = nanos_on_cpu(&task.path()) else { continue };
        let name = if is_own(name.trim_end()) { name.trim_end() } else { "other" };
        let cpu_seconds = nanos as f64 / 1e9;
        match threads.iter_mut().find(|thread| thread.name == name) {
            Some(thread) => thread.cpu_seconds += cpu_seconds,
            None => threads.push(Thread { name: name.into(), cpu_seconds }),
        }
    }
    threads.sort_by(|a, b| a.name.cmp(&b.name));
    threads
}

fn is_own(name: &str) -> bool {
    ["reactor", "aof", "janitor", "compaction", "observe"].contains(&name) || name.starts_with("worker-")
}

/// The first number of `schedstat`.
fn nanos_on_cpu(task: &std::path::Path) -> Option<u64> {
    fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_seen() {
        let worker = std::thread::Builder::new().name("worker-7".into());
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let (began, started) = std::sync::mpsc::channel();
        let handle = worker
            .spawn(move || {
                let _ = began.send((0..10_000_000u64).fold(0u64, |sum, n| sum.wrapping_mul(31) ^ n));
                let _ = wait.recv();
            })
            .expect("a thread");
        started.recv().expect("it works first");
        let seen = all();
        drop(done);
        handle.join().expect("it only counts");
        if cfg!(target_os = "linux") {
            let found = seen.iter().find(|thread| thread.name == "worker-7").expect("it was there");
            assert!(found.cpu_seconds > 0.0, "{seen:?}");
        }
    }
}
