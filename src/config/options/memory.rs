//! Memory and expiry.

use super::Opt;
use crate::config::value::number;

pub static ROWS: &[Opt] = &[Opt {
    name: "sweep-period",
    value: "MILLISECONDS",
    help: "how often expired keys are swept; no client sees one meanwhile",
    live: true,
    get: |c| c.sweep_period_ms.to_string(),
    set: |c, v| number(v, 10, 3_600_000).map(|n| c.sweep_period_ms = n as u64),
    ..Opt::ROW
}];
