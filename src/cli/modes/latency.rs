//! `--latency`: how long a PING takes, a hundred times a second.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use super::super::connection::{Connection, Error};
use super::super::format::{Format, Style};
use super::super::interrupt::pause;
use super::super::options::{Repeat, Times};
use super::{print, println};

const BETWEEN_SAMPLES: Duration = Duration::from_millis(10);
const ONCE: Duration = Duration::from_secs(1);
const HISTORY: Duration = Duration::from_secs(15);

pub fn run(connection: &mut Connection, history: bool, repeat: Repeat, format: &Format) -> Result<(), Error> {
    let is_live = format.style == Style::Human && io::stdout().is_terminal();
    let interval = match (repeat.interval, history, is_live) {
        (Some(interval), ..) => interval,
        (None, true, _) => HISTORY,
        (None, false, true) => Duration::MAX,
        (None, false, false) => ONCE,
    };
    let times = match (repeat.times, history || is_live) {
        (Some(times), _) => times,
        (None, true) => Times::ForEver,
        (None, false) => Times::Exactly(1),
    };
    // Only a history has lines of its own; a live figure goes on in its line.
    for _ in times.rounds() {
        let begun = Instant::now();
        let mut samples = Samples::default();
        while samples.count == 0 || begun.elapsed() < interval {
            samples.add(measure(connection)?);
            if is_live {
                print(format!("\x1b[0G\x1b[2K{}", samples.shown(Style::Human)))?;
            }
            pause(BETWEEN_SAMPLES);
        }
        let range = match history && format.style == Style::Human {
            true => format!(" -- {:.2} seconds range", begun.elapsed().as_secs_f64()),
            false => String::new(),
        };
        match is_live {
            true => println(format_args!("{range}"))?,
            false => println(format_args!("{}{range}", samples.shown(format.style)))?,
        }
    }
    Ok(())
}

fn measure(connection: &mut Connection) -> Result<Duration, Error> {
    let begun = Instant::now();
    connection.ask(&["PING"])?;
    Ok(begun.elapsed())
}

#[derive(Default)]
struct Samples {
    count: u32,
    sum: Duration,
    min: Option<Duration>,
    max: Duration,
}

impl Samples {
    fn add(&mut self, sample: Duration) {
        self.count += 1;
        self.sum += sample;
        self.min = Some(self.min.map_or(sample, |min| min.min(sample)));
        self.max = self.max.max(sample);
    }

    /// In milliseconds. Scripts that read redis-cli's raw and CSV output find whole ones for the extremes.
    fn shown(&self, style: Style) -> String {
        let count = self.count;
        let [min, max, average] =
            [self.min.unwrap_or_default(), self.max, self.sum.checked_div(count).unwrap_or_default()]
                .map(|duration| duration.as_secs_f64() * 1e3);
        match style {
            Style::Human => format!("min: {min:.2}, max: {max:.2}, avg: {average:.2} ({count} samples)"),
            Style::Raw => format!("{min:.0} {max:.0} {average:.2} {count}"),
            Style::Csv => format!("{min:.0},{max:.0},{average:.2},{count}"),
            Style::Json | Style::QuotedJson => {
                format!("{{\"min\": {min:.3}, \"max\": {max:.3}, \"avg\": {average:.3}, \"count\": {count}}}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_up() {
        let mut samples = Samples::default();
        for micros in [100, 1400, 300] {
            samples.add(Duration::from_micros(micros));
        }
        assert_eq!(samples.shown(Style::Human), "min: 0.10, max: 1.40, avg: 0.60 (3 samples)");
        assert_eq!(samples.shown(Style::Raw), "0 1 0.60 3");
        assert_eq!(samples.shown(Style::Csv), "0,1,0.60,3");
        let json = samples.shown(Style::Json);
        assert_eq!(json, "{\"min\": 0.100, \"max\": 1.400, \"avg\": 0.600, \"count\": 3}");
    }
}
