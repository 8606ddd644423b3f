//! Commands, keys and channels that belong together: a request must lie within one selector.

use super::commands::Commands;
use super::patterns::{ChannelPatterns, KeyPatterns};
use super::rule::Terms;

#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    pub(super) commands: Commands,
    pub(super) keys: KeyPatterns,
    pub(super) channels: ChannelPatterns,
}

impl Selector {
    /// Allows nothing, but for the channels that `acl-pubsub-default` gives away.
    pub(super) fn new(terms: &Terms) -> Selector {
        let mut channels = ChannelPatterns::default();
        channels.set(terms.all_channels);
        Selector { commands: Commands::none(terms.catalogue), keys: KeyPatterns::default(), channels }
    }

    pub(super) fn is_all(&self) -> bool {
        self.commands.is_all() && self.keys.is_all() && self.channels.is_all()
    }

    /// What ACL GETUSER shows: the rules of each kind.
    pub fn commands(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.commands.describe(&mut out);
        out
    }

    pub fn keys(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.keys.describe(&mut out);
        out
    }

    pub fn channels(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.channels.describe(&mut out);
        out
    }

    /// All the rules that make this selector out of a new one.
    pub(super) fn describe(&self) -> Vec<u8> {
        let reset = if self.channels.is_all() { Vec::new() } else { b"resetchannels".to_vec() };
        let parts = [self.keys(), reset, self.channels(), self.commands()];
        let parts: Vec<Vec<u8>> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(&b' ')
    }
}
