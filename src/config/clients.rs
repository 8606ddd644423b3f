//! What is configured of clients' buffers.

use crate::limits;

/// By which limits on unsent replies tell clients apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Normal,
    /// Nobody, as there are no replicas; the limit is kept for those who set it.
    Replica,
    PubSub,
}

/// Redis: `client-output-buffer-limit`. 0: no limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Past it, the client is closed at once.
    pub hard_bytes: usize,
    /// Past it for so long, too.
    pub soft_bytes: usize,
    pub soft_seconds: u32,
}

/// By [`Class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits(pub [OutputLimit; 3]);

impl Default for OutputLimits {
    fn default() -> OutputLimits {
        let limit =
            |hard_bytes, soft_bytes, soft_seconds| OutputLimit { hard_bytes, soft_bytes, soft_seconds };
        OutputLimits([limit(0, 0, 0), limit(256 << 20, 64 << 20, 60), limit(limits::POSTED_MAX, 8 << 20, 60)])
    }
}

impl OutputLimits {
    /// `class hard soft seconds`, once or more; classes that are not named keep theirs.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (fours, rest) = words.as_chunks::<4>();
        if fours.is_empty() || !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut changed = *self;
        for [class, hard, soft, seconds] in fours {
            let class = match class.to_ascii_lowercase().as_str() {
                "normal" => Class::Normal,
                "slave" | "replica" => Class::Replica,
                "pubsub" => Class::PubSub,
                _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
            };
            let wrong = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
            let size = |word| super::value::bytes(word, 0, i64::MAX).map(|bytes| bytes as usize);
            changed.0[class as usize] = OutputLimit {
                hard_bytes: size(hard).map_err(|_| wrong)?,
                soft_bytes: size(soft).map_err(|_| wrong)?,
                soft_seconds: seconds.parse().map_err(|_| wrong)?,
            };
        }
        *self = changed;
        Ok(())
    }

    /// As CONFIG GET has it.
    pub fn text(&self) -> String {
        let one = |(name, limit): (&&str, &OutputLimit)| {
            format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        };
        ["normal", "slave", "pubsub"].iter().zip(&self.0).map(one).collect::<Vec<_>>().join(" ")
    }
}

/// Redis: `maxmemory-clients`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientsMemory {
    /// 0: no limit.
    Bytes(usize),
    /// Of `maxmemory`; where that has no limit, neither have clients.
    Percent(u8),
}

impl ClientsMemory {
    pub fn parse(text: &str) -> Result<ClientsMemory, String> {
        match text.strip_suffix('%') {
            Some(percent) => match percent.parse::<u8>() {
                Ok(percent @ 0..=100) => Ok(ClientsMemory::Percent(percent)),
                Ok(_) => Err("percentage argument must be less or equal to 100".into()),
                _ => Err("argument must be a memory or percent value".into()),
            },
            None => super::value::bytes(text, 0, i64::MAX)
                .map(|bytes| ClientsMemory::Bytes(bytes as usize))
                .map_err(|_| "argument must be a memory or percent value".into()),
        }
    }

    pub fn text(self) -> String {
        match self {
            ClientsMemory::Bytes(bytes) => bytes.to_string(),
            ClientsMemory::Percent(percent) => format!("{percent}%"),
        }
    }

    /// In bytes; 0: no limit.
    pub fn of(self, maxmemory: usize) -> usize {
        match self {
            ClientsMemory::Bytes(bytes) => bytes,
            ClientsMemory::Percent(percent) => (maxmemory as u128 * u128::from(percent) / 100) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_limits_are_written_as_redis_does() {
        let mut limits = OutputLimits::default();
        assert_eq!(limits.text(), "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
        assert_eq!(limits.set("normal 1mb 512kb 10 Replica 1 2 3"), Ok(()));
        assert_eq!(limits.text(), "normal 1048576 524288 10 slave 1 2 3 pubsub 33554432 8388608 60");
        for (text, why) in [
            ("", "Wrong number"),
            ("normal 0 0", "Wrong number"),
            ("normal 0 0 0 pubsub", "Wrong number"),
            ("master 0 0 0", "Invalid client class"),
            ("normal x 0 0", "Error in hard, soft"),
            ("normal 0 -1 0", "Error in hard, soft"),
            ("pubsub 1 1 1 normal 0 0 -1", "Error in hard, soft"),
        ] {
            let before = limits;
            let said = limits.set(text).expect_err(text);
            assert!(said.starts_with(why) && limits == before, "{text}: {said}");
        }
    }

    #[test]
    fn clients_memory_in_bytes_or_percent() {
        assert_eq!(ClientsMemory::parse("5%").map(|limit| limit.of(2000)), Ok(100));
        assert_eq!(ClientsMemory::parse("1mb").map(|limit| limit.of(0)), Ok(1 << 20));
        assert_eq!(ClientsMemory::parse("7%").map(|limit| limit.of(0)), Ok(0));
        for text in ["101%", "-1%", "%", "x", "-5"] {
            assert!(ClientsMemory::parse(text).is_err(), "{text}");
        }
    }
}
