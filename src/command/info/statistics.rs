//! The sections with a line for each command, or each error.

use super::super::context::Context;
use super::super::table;
use super::Lines;

pub fn commands(out: &mut Lines, context: &Context) {
    for found in table::all() {
        let totals = context.server.metrics.command(found.index);
        if totals.calls == 0 && totals.rejected == 0 && totals.failed == 0 {
            continue;
        }
        let micros = totals.nanos as f64 / 1000.0;
        out.line(format_args!(
            "cmdstat_{}:calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
            found.full_name(),
            totals.calls,
            micros as u64,
            micros / totals.calls.max(1) as f64,
            totals.rejected,
            totals.failed
        ));
    }
}

pub fn errors(out: &mut Lines, context: &Context) {
    for (code, count) in context.server.metrics.error_codes() {
        out.line(format_args!("errorstat_{code}:count={count}"));
    }
}

pub fn latencies(out: &mut Lines, context: &Context) {
    let metrics = &context.server.metrics;
    if !metrics.is_tracking() {
        return;
    }
    let percentiles = context.server.config().latency_percentiles.clone();
    for found in table::all() {
        let Some(latencies) = metrics.latencies(found.index) else { continue };
        let figures: Vec<String> = percentiles
            .iter()
            .map(|&percent| format!("p{percent}={:.3}", latencies.percentile(percent) as f64 / 1000.0))
            .collect();
        out.line(format_args!("latency_percentiles_usec_{}:{}", found.full_name(), figures.join(",")));
    }
}
