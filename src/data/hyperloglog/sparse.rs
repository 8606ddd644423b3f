//! Runs of registers with the same value, for as long as most of them are zero:
//!
//! ```text
//!   00llllll            l + 1 zeros
//!   01llllll llllllll   l + 1 zeros (high bits first)
//!   1vvvvvll            l + 1 times the value v + 1
//! ```
//!
//! Which runs stand for given registers depends on the order in which these were set. As the bytes are to
//! be Redis's, runs are split, and joined again, just as Redis does it.

use super::{Corrupt, HEADER, REGISTERS};
use smallvec::SmallVec;

const SHORT_ZEROS_MAX: usize = 64;
const VALUE_MAX: u8 = 32;
const VALUES_MAX: usize = 4;
/// How far runs are looked at for one that can join the next.
const JOIN_RUNS: usize = 5;

pub enum Outcome {
    Unchanged,
    Changed,
    /// The register needs another encoding.
    TooLarge,
}

/// Consecutive registers.
#[derive(Clone, Copy)]
struct Run {
    value: u8,
    count: usize,
    /// Of its encoding.
    bytes: usize,
}

/// All registers zero.
pub fn clear(bytes: &mut Vec<u8>) {
    bytes.truncate(HEADER);
    bytes.extend(encode(0, REGISTERS));
}

/// Raises a register.
pub fn set(bytes: &mut Vec<u8>, index: usize, value: u8, bytes_max: usize) -> Result<Outcome, Corrupt> {
    if value > VALUE_MAX {
        return Ok(Outcome::TooLarge);
    }
    let Found { previous, at, run, before } = find(bytes, index)?;
    if run.value >= value {
        return Ok(Outcome::Unchanged);
    }
    let mut runs = encode(run.value, before);
    runs.extend(encode(value, 1));
    runs.extend(encode(run.value, run.count - before - 1));
    if runs.len() > run.bytes && bytes.len() + runs.len() - run.bytes > bytes_max {
        return Ok(Outcome::TooLarge);
    }
    bytes.splice(at..at + run.bytes, runs);
    join_values(bytes, previous);
    Ok(Outcome::Changed)
}

/// Calls `f` with the first index, the value and the length of each run.
pub fn for_each(bytes: &[u8], mut f: impl FnMut(usize, u8, usize)) -> Result<(), Corrupt> {
    let (mut at, mut index) = (HEADER, 0);
    while at < bytes.len() {
        let run = decode(bytes, at)?;
        if index + run.count > REGISTERS {
            return Err(Corrupt);
        }
        f(index, run.value, run.count);
        at += run.bytes;
        index += run.count;
    }
    if index == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// Every run in letters, as PFDEBUG DECODE shows them.
pub fn spelled(bytes: &[u8]) -> Result<String, Corrupt> {
    let (mut at, mut runs) = (HEADER, Vec::new());
    while at < bytes.len() {
        let run = decode(bytes, at)?;
        runs.push(match (run.value, run.bytes) {
            (0, 1) => format!("z:{}", run.count),
            (0, _) => format!("Z:{}", run.count),
            (value, _) => format!("v:{value},{}", run.count),
        });
        at += run.bytes;
    }
    Ok(runs.join(" "))
}

/// A run that holds a register.
struct Found {
    /// Where the run before it begins, if there is one.
    previous: usize,
    at: usize,
    run: Run,
    /// Registers of the run before the one looked for.
    before: usize,
}

fn find(bytes: &[u8], index: usize) -> Result<Found, Corrupt> {
    let (mut previous, mut at, mut before) = (HEADER, HEADER, index);
    loop {
        let run = decode(bytes, at)?;
        if before < run.count {
            return Ok(Found { previous, at, run, before });
        }
        before -= run.count;
        previous = at;
        at += run.bytes;
    }
}

/// Joins values next to each other, of the runs from `at` on.
fn join_values(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN_RUNS {
        let Ok(run) = decode(bytes, at) else { return };
        match decode(bytes, at + run.bytes) {
            Ok(next) if next.value == run.value && run.value > 0 && run.count + next.count <= VALUES_MAX => {
                let joined = encode(run.value, run.count + next.count);
                bytes.splice(at..at + run.bytes + next.bytes, joined);
            }
            _ => at += run.bytes,
        }
    }
}

fn decode(bytes: &[u8], at: usize) -> Result<Run, Corrupt> {
    let first = *bytes.get(at).ok_or(Corrupt)?;
    let low = usize::from(first & 0x3f);
    match first >> 6 {
        0 => Ok(Run { value: 0, count: low + 1, bytes: 1 }),
        1 => {
            let second = *bytes.get(at + 1).ok_or(Corrupt)?;
            Ok(Run { value: 0, count: (low << 8 | usize::from(second)) + 1, bytes: 2 })
        }
        _ => Ok(Run { value: (first >> 2 & 31) + 1, count: usize::from(first & 3) + 1, bytes: 1 }),
    }
}

/// The bytes of a run; none where it is empty. Only zeros come in more than four.
fn encode(value: u8, count: usize) -> SmallVec<[u8; 8]> {
    let mut bytes = SmallVec::new();
    let Some(rest) = count.checked_sub(1) else { return bytes };
    if value > 0 {
        bytes.push(0x80 | (value - 1) << 2 | rest as u8);
    } else if count <= SHORT_ZEROS_MAX {
        bytes.push(rest as u8);
    } else {
        bytes.extend((0x4000 | rest as u16).to_be_bytes());
    }
    bytes
}
