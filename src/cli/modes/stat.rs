//! `--stat`: a line of figures from INFO, again and again.

use std::time::Duration;

use super::super::connection::{Connection, Error};
use super::super::interrupt::pause;
use super::super::options::{Repeat, Times};
use super::print;
use crate::protocol::Value;

const HEADER: &str = "------- data ------ --------------------- load -------------------- - child -\n\
                      keys       mem      clients blocked requests            connections          \n";
const LINES_PER_HEADER: u64 = 20;
const INTERVAL: Duration = Duration::from_secs(1);

pub fn run(connection: &mut Connection, repeat: Repeat) -> Result<(), Error> {
    let interval = repeat.interval.unwrap_or(INTERVAL);
    let mut requests_before = None;
    for round in repeat.times.unwrap_or(Times::ForEver).rounds() {
        if round > 0 {
            pause(interval);
        }
        let (Value::Bulk(info) | Value::Verbatim { text: info, .. }) = connection.ask(&["INFO"])? else {
            return Err(Error::Denied("the reply to INFO is no text".into()));
        };
        let info = Info(String::from_utf8_lossy(&info).into_owned());
        let requests = info.number("total_commands_processed");
        let added = requests - requests_before.replace(requests).unwrap_or(requests);
        let header = if round % LINES_PER_HEADER == 0 { HEADER } else { "" };
        print(format!("{header}{}\n", info.line(added)))?;
    }
    Ok(())
}

struct Info(String);

impl Info {
    fn field(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    fn number(&self, name: &str) -> i64 {
        self.field(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Of all databases.
    fn keys(&self) -> i64 {
        let database = |line: &str| {
            let (number, figures) = line.strip_prefix("db")?.split_once(":keys=")?;
            number.parse::<u32>().ok()?;
            figures.split(',').next()?.parse::<i64>().ok()
        };
        self.0.lines().filter_map(database).sum()
    }

    /// What goes on beside the requests.
    fn work(&self) -> &'static str {
        let is_on = |name| self.number(name) != 0;
        match (is_on("loading"), is_on("rdb_bgsave_in_progress"), is_on("aof_rewrite_in_progress")) {
            (true, ..) => "LOAD",
            (_, true, true) => "SAVE+AOF",
            (_, true, false) => "SAVE",
            (_, false, true) => "AOF",
            _ => "",
        }
    }

    fn line(&self, added: i64) -> String {
        let requests = format!("{} (+{added})", self.number("total_commands_processed"));
        format!(
            "{:<11}{:<9}{:<8}{:<8}{:<20}{:<12}{}",
            self.keys(),
            bytes(self.number("used_memory").unsigned_abs()),
            self.number("connected_clients"),
            self.number("blocked_clients"),
            requests,
            self.number("total_connections_received"),
            self.work()
        )
    }
}

fn bytes(count: u64) -> String {
    let scaled = |unit: u64| count as f64 / unit as f64;
    match count {
        0..1024 => format!("{count}B"),
        1024..1_048_576 => format!("{:.2}K", scaled(1 << 10)),
        1_048_576..1_073_741_824 => format!("{:.2}M", scaled(1 << 20)),
        _ => format!("{:.2}G", scaled(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_under_their_names() {
        let info = Info(
            "used_memory:1279262\r\nused_memory_rss:9\r\nconnected_clients:3\r\nblocked_clients:1\r\n\
             total_commands_processed:264\r\ntotal_connections_received:25\r\naof_rewrite_in_progress:1\r\n\
             db0:keys=4,expires=0\r\ndb12:keys=3,expires=0\r\n"
                .into(),
        );
        assert_eq!(info.line(97), "7          1.22M    3       1       264 (+97)           25          AOF");
    }

    #[test]
    fn bytes_are_short() {
        let shown = [0, 1023, 1536, 3 << 20, 5 << 30].map(bytes);
        assert_eq!(shown, ["0B", "1023B", "1.50K", "3.00M", "5.00G"]);
    }
}
