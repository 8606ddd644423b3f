//! Who may do what.

use super::Opt;

pub static ROWS: &[Opt] = &[Opt {
    name: "requirepass",
    value: "PASSWORD",
    help: "what clients have to say first, by AUTH; empty: nothing",
    live: true,
    get: |c| c.requirepass.clone(),
    set: |c, v| {
        c.requirepass = v.into();
        Ok(())
    },
    ..Opt::ROW
}];
