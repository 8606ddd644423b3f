//! `--scan`: keys, one a line.

use super::super::connection::{Connection, Error};
use super::super::format::Format;
use super::print;
use super::walk::Walk;

pub fn run(connection: &mut Connection, walk: &Walk<'_>, format: &Format) -> Result<(), Error> {
    walk.each_page(connection, |_, keys| {
        let lines: Vec<u8> = keys.iter().flat_map(|key| format.key(key)).collect();
        print(lines)
    })
}
