//! The process's limit on file descriptors: each client takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::DESCRIPTORS_RESERVED;

/// Raises the limit, where it has to be and may be, so that so many clients fit. Returns how many do.
pub fn make_room_for(clients: usize) -> usize {
    let wanted = (clients + DESCRIPTORS_RESERVED) as u64;
    let before = getrlimit(Resource::Nofile);
    // None: there is no limit.
    let Some(current) = before.current.filter(|&current| current < wanted) else { return clients };
    let attempts = [
        // Raising the hard limit takes privileges.
        Rlimit {
            current: Some(wanted),
            maximum: Some(before.maximum.map_or(wanted, |most| most.max(wanted))),
        },
        Rlimit { current: before.maximum.map(|most| most.min(wanted)), maximum: before.maximum },
    ];
    let is_raised = attempts.into_iter().any(|attempt| setrlimit(Resource::Nofile, attempt).is_ok());
    let now = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if is_raised && now > current {
        tracing::info!(
            "Increased maximum number of open files to {now} (it was originally set to {current})."
        );
    }
    let fit = (now as usize).saturating_sub(DESCRIPTORS_RESERVED);
    fit.clamp(1, clients)
}
