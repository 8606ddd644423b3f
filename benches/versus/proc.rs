//! What the kernel knows about a process, and about this machine.

use std::fs;

/// CPU time of all living threads of a process, in nanoseconds. The scheduler's own count;
/// `utime + stime` would come in ticks of 10 ms.
pub fn cpu_ns(pid: u32) -> u64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0 };
    tasks.flatten().map(|task| schedstat_ns(&task.path().join("schedstat").to_string_lossy())).sum()
}

/// CPU time of all threads of a process that there ever were, in seconds; in steps of 10 ms.
pub fn total_cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; user and system time are the 12th and 13th field behind it.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// CPU time of the calling thread, in nanoseconds.
pub fn own_thread_cpu_ns() -> u64 {
    schedstat_ns("/proc/thread-self/schedstat")
}

fn schedstat_ns(path: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// CPU time that all cores spent on anything since the machine started, in steps of 10 ms.
pub fn machine_cpu_ns() -> u64 {
    const TICK_NS: u64 = 10_000_000;
    let times = field("/proc/stat", "cpu ").unwrap_or_default();
    let ticks = |column: usize| {
        times.split_whitespace().nth(column).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
    };
    // user, nice, system, irq, softirq, steal; between them idle and iowait, after them guest time counted twice.
    [0, 1, 2, 5, 6, 7].map(ticks).into_iter().sum::<u64>() * TICK_NS
}

/// Resident bytes of a process, less the pages of the program's own file: more of those are read in as more of the program
/// runs, which says nothing of the data.
pub fn resident_bytes(pid: u32) -> u64 {
    field(&format!("/proc/{pid}/status"), "RssAnon:")
        .and_then(|text| text.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()))
        .map_or(0, |kb| kb * 1024)
}

/// What the children of a process have to themselves: of a fork, the pages that parent and child no longer share.
pub fn childrens_private_bytes(pid: u32) -> u64 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().map(private_bytes).sum()
}

fn private_bytes(pid: &str) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let lines = rollup.lines().filter(|line| line.starts_with("Private_"));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).map(|kb| kb * 1024).sum()
}

/// CPU, cores and kernel, for the head of a report.
pub fn machine() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.into());
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{}, {cores} cores, Linux {}", cpu.trim_start_matches([':', ' ', '\t']), kernel.trim())
}

/// The rest of the first line that starts with `name`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
}
