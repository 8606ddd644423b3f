//! What this machine says: the time, its kernel, its memory, and what this process uses of it.

use std::fs;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since 1970, by the wall clock.
pub fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Unix milliseconds.
pub fn now_ms() -> u64 {
    since_epoch().as_millis() as u64
}

/// As `uname -srm` has it.
pub fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut name = std::env::consts::OS.to_string();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{name} {} {}", release.trim(), std::env::consts::ARCH)
}

/// Seconds that this process has run, as user and in the kernel: `utime` and `stime` of `/proc/self/stat`, in hundredths.
pub fn cpu_seconds() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name in brackets, and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(|field| field.parse::<f64>().map(|ticks| ticks / 100.0));
    Some((fields.next()?.ok()?, fields.next()?.ok()?))
}

/// Bytes that this process holds in memory: second field of `/proc/self/statm`, in pages of 4 KiB.
pub fn resident_bytes() -> Option<usize> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    statm.split(' ').nth(1)?.parse::<usize>().ok().map(|pages| pages * 4096)
}

/// All memory of the machine.
pub fn memory_bytes() -> Option<usize> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kib| kib << 10)
}

/// What the system says of an error, without the number that the standard library adds.
pub fn reason(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" (os error") {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_used_some_time_and_memory() {
        if cfg!(target_os = "linux") {
            let (user, system) = cpu_seconds().expect("/proc is there");
            assert!(user >= 0.0 && system >= 0.0 && user < 1e6);
            let (resident, all) =
                (resident_bytes().expect("it is there"), memory_bytes().expect("it is there"));
            assert!(1 << 20 < resident && resident < all);
        }
    }
}
