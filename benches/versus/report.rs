//! Tables: medians over the rounds, and ratios to the baseline.
//!
//! A ratio is the median of the rounds' own ratios: the servers of one round ran within seconds of
//! each other, so what the machine did meanwhile cancels out.

use std::fmt::Write;

use crate::Rounds;
use crate::beside::Disturbed;
use crate::chart::{self, Bars};
use crate::collections::Filled;
use crate::eviction::{Hits, Trace};
use crate::load::{Outcome, Shape};
use crate::options::{Case, Disturbance, Filling, Options};
use crate::proc;
use crate::restart::Restart;

pub struct Report<'a> {
    options: &'a Options,
    tables: Vec<String>,
    /// The throughput of each load, for the chart.
    bars: Vec<Bars>,
}

impl<'a> Report<'a> {
    pub fn new(options: &'a Options) -> Self {
        Self { options, tables: Vec::new(), bars: Vec::new() }
    }

    pub fn load(&mut self, case: &Case, rounds: &Rounds<Outcome>) -> &str {
        let columns: [Column<Outcome>; 7] = [
            Column::compared("ops/s", 0, Outcome::per_second),
            Column::compared("server CPU us/op", 2, Outcome::server_cpu_us),
            Column::compared("p50 us", 1, |outcome| outcome.latency_us(0.5)),
            Column::compared("p99 us", 1, |outcome| outcome.latency_us(0.99)),
            Column::compared("p99.9 us", 1, |outcome| outcome.latency_us(0.999)),
            Column::plain("client busy", 0, "%", |outcome| outcome.client_busy * 100.0),
            Column::plain("other cores busy", 1, "", |outcome| outcome.others_busy),
        ];
        let heard = match case.subscribers {
            0 => String::new(),
            count => format!(" to {count} subscribers"),
        };
        self.bars.push(self.throughput(case, &columns[0], rounds));
        let title = format!("`{}`{heard}, {}", case.command, self.circumstances(&case.shape));
        let errors = rounds.iter().map(|outcomes| complaint(outcomes.iter())).collect();
        self.table(title, &columns, rounds, errors)
    }

    pub fn beside(&mut self, disturbance: &Disturbance, rounds: &Rounds<Disturbed>) -> &str {
        let columns: [Column<Disturbed>; 8] = [
            Column::plain("GET/s", 0, "", |round| round.gets.per_second()),
            Column::compared("p50 us", 1, |round| round.gets.latency_us(0.5)),
            Column::compared("p99 us", 1, |round| round.gets.latency_us(0.99)),
            Column::compared("p99.9 us", 1, |round| round.gets.latency_us(0.999)),
            Column::compared("max us", 1, |round| round.gets.latency_us(1.0)),
            Column::plain("heavy commands", 0, "", |round| round.heavy.commands as f64),
            Column::plain("ms each", 1, "", |round| {
                round.heavy.total.as_secs_f64() * 1e3 / round.heavy.commands as f64
            }),
            Column::compared("MiB more at most", 1, |round| round.grown_bytes as f64 / f64::from(1 << 20)),
        ];
        let often = if disturbance.once { "once" } else { "in a loop" };
        let circumstances = self.circumstances(&disturbance.shape);
        let clients = counted(disturbance.clients, "client");
        let title = format!("GET beside `{}` {often} by {clients}, {circumstances}", disturbance.command);
        let errors = rounds.iter().map(|rounds| complaint(rounds.iter().map(|round| &round.gets))).collect();
        self.table(title, &columns, rounds, errors)
    }

    pub fn memory(&mut self, filling: &Filling, rounds: &Rounds<f64>) -> &str {
        let deadline = if filling.deadline { ", each with a deadline" } else { "" };
        let title = format!("1,000,000 keys of 16 bytes, values of {} bytes{deadline}", filling.value_bytes);
        self.bytes(title, "resident bytes/key", rounds)
    }

    pub fn elements(&mut self, filled: &Filled, rounds: &Rounds<f64>) -> &str {
        self.bytes(filled.what.to_owned(), "resident bytes/element", rounds)
    }

    pub fn restart(&mut self, records: usize, rounds: &Rounds<Restart>) -> &str {
        let columns: [Column<Restart>; 2] = [
            Column::compared("s until PING answers", 2, |restart| restart.seconds),
            Column::compared("CPU s", 2, |restart| restart.cpu_seconds),
        ];
        let bytes = self.options.value_bytes;
        let title = format!("start on a log of {records} SET records, {bytes}-byte values");
        self.table(title, &columns, rounds, vec![None; rounds.len()])
    }

    pub fn idle(&mut self, connections: usize, rounds: &Rounds<f64>) -> &str {
        self.bytes(format!("{connections} idle connections"), "resident bytes/connection", rounds)
    }

    pub fn eviction(&mut self, trace: &Trace, rounds: &Rounds<Hits>) -> &str {
        let columns: [Column<Hits>; 2] = [
            Column::compared("hit ratio %", 2, |hits| hits.ratio * 100.0),
            Column::plain("resident keys", 0, "", |hits| hits.resident),
        ];
        let rounds_text = counted(self.options.rounds, "round");
        let title = format!("{}, Zipf with a skew of {}; {rounds_text}", trace.policy, trace.skew);
        self.table(title, &columns, rounds, vec![None; rounds.len()])
    }

    /// All tables, under the machine and the command that made them.
    pub fn markdown(&self) -> String {
        let arguments: Vec<_> =
            std::env::args().skip(1).filter(|argument| argument != "--bench").map(quoted).collect();
        format!(
            "Machine: {}\n\nCommand: `cargo bench --bench versus -- {}`\n\n{}",
            proc::machine(),
            arguments.join(" "),
            self.tables.join("\n")
        )
    }

    /// The loads as SVG.
    pub fn chart(&self) -> String {
        let servers: Vec<&str> = self.options.peers.iter().map(|peer| peer.label.as_str()).collect();
        chart::svg(&servers, &self.bars)
    }

    fn throughput(&self, case: &Case, column: &Column<Outcome>, rounds: &Rounds<Outcome>) -> Bars {
        let command = case.command.split(" __").next().unwrap_or_default().replace(":__rand__", "");
        let how = match (case.shape.rate, case.shape.connections) {
            (Some(rate), _) => format!("{rate} a second"),
            (None, 1) => "one connection".into(),
            (None, _) => format!("pipeline {}", case.shape.pipeline),
        };
        let baseline = &rounds[self.options.baseline];
        let ratios = rounds.iter().map(|outcomes| column.ratio(outcomes, baseline)).collect();
        Bars { case: format!("{command}, {how}"), ratios }
    }

    fn bytes(&mut self, title: String, unit: &'static str, rounds: &Rounds<f64>) -> &str {
        self.table(title, &[Column::compared(unit, 1, |&bytes| bytes)], rounds, vec![None; rounds.len()])
    }

    fn circumstances(&self, shape: &Shape) -> String {
        let depth = match shape.rate {
            Some(rate) => format!("{rate} requests/s (open loop)"),
            None => format!("pipeline {}", shape.pipeline),
        };
        let log = match self.options.durability.0 {
            Some(fsync) => format!("log with fsync {}", fsync.name()),
            None => "no log".into(),
        };
        format!(
            "{}, {depth}, {}-byte values, {} keys, {log}; {} of {} s",
            counted(shape.connections, "connection"),
            self.options.value_bytes,
            self.options.keys,
            counted(self.options.rounds, "round"),
            shape.duration.as_secs_f64()
        )
    }

    fn table<T>(
        &mut self,
        title: String,
        columns: &[Column<T>],
        rounds: &Rounds<T>,
        complaints: Vec<Option<String>>,
    ) -> &str {
        let mut rows = vec![row("server", columns.iter().flat_map(Column::heads))];
        let baseline = &rounds[self.options.baseline];
        for (peer, outcomes) in self.options.peers.iter().zip(rounds) {
            let cells = columns.iter().flat_map(|column| column.cells(outcomes, baseline));
            rows.push(row(&peer.label, cells));
        }
        let mut text = format!("{title}\n\n{}", aligned(&rows));
        for (peer, complaint) in self.options.peers.iter().zip(complaints) {
            if let Some(complaint) = complaint {
                let _ = writeln!(text, "\n{} answered {complaint}", peer.label);
            }
        }
        self.tables.push(text);
        self.tables.last().expect("just pushed")
    }
}

/// One figure of a round, and how to show it.
struct Column<T> {
    name: &'static str,
    value: fn(&T) -> f64,
    decimals: usize,
    unit: &'static str,
    compared: bool,
}

impl<T> Column<T> {
    /// A figure and its ratio to the baseline's.
    fn compared(name: &'static str, decimals: usize, value: fn(&T) -> f64) -> Self {
        Self { name, value, decimals, unit: "", compared: true }
    }

    fn plain(name: &'static str, decimals: usize, unit: &'static str, value: fn(&T) -> f64) -> Self {
        Self { name, value, decimals, unit, compared: false }
    }

    fn heads(&self) -> Vec<String> {
        let ratio = self.compared.then(|| "x".into());
        std::iter::once(self.name.into()).chain(ratio).collect()
    }

    fn cells(&self, rounds: &[T], baseline: &[T]) -> Vec<String> {
        let value = median(rounds.iter().map(self.value));
        let figure = value.map_or("-".into(), |value| format!("{value:.*}{}", self.decimals, self.unit));
        if !self.compared {
            return vec![figure];
        }
        vec![figure, self.ratio(rounds, baseline).map_or("-".into(), |ratio| format!("{ratio:.2}"))]
    }

    fn ratio(&self, rounds: &[T], baseline: &[T]) -> Option<f64> {
        median(rounds.iter().zip(baseline).map(|(round, base)| (self.value)(round) / (self.value)(base)))
    }
}

fn row(label: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(label.to_owned()).chain(cells).collect()
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[n / 2]),
        n => Some((values[n / 2 - 1] + values[n / 2]) / 2.0),
    }
}

/// How many error replies there were, and the first.
fn complaint<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Option<String> {
    let (mut errors, mut first) = (0, None);
    for outcome in outcomes {
        errors += outcome.errors;
        first = first.or(outcome.first_error.as_deref());
    }
    first.map(|first| format!("{errors} errors: {first}"))
}

/// A Markdown table that also reads well as it is.
fn aligned(rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "| {cell:<width$} |"),
                _ => write!(text, " {cell:>width$} |"),
            };
        }
        text.push('\n');
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width + 1);
                text.push_str(&if column == 0 { format!("|{dashes}-|") } else { format!("{dashes}:|") });
            }
            text.push('\n');
        }
    }
    text
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// As it would have to be typed.
fn quoted(argument: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:".contains(c);
    if argument.chars().all(plain) { argument } else { format!("'{argument}'") }
}
