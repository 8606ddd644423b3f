//! systemd's `Type=notify`: one datagram to the socket that `NOTIFY_SOCKET` names. Without that variable nobody asks.

use sd_notify::NotifyState;

pub struct Supervisor;

impl Supervisor {
    pub fn loading(&self) {
        tell(&[NotifyState::Status("Loading the log")]);
    }

    pub fn ready(&self, status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping, NotifyState::Status("Finishing what was received")]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot tell the service manager: {error}");
    }
}
