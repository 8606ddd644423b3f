//! What the world around the process is told: systemd by a datagram, others by a file with the process number.

mod notify;
mod pidfile;

pub use notify::Supervisor;
pub use pidfile::PidFile;
