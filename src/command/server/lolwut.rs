//! LOLWUT: a pond in plain characters. Every call drops other pebbles, and the rings run into each other.

use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::protocol::Reply;

const WIDTH: usize = 72;
const HEIGHT: usize = 16;
const HEIGHT_MAX: i64 = 64;
const PEBBLES: u64 = 3;
/// From the calm to the crest.
const SHADES: &[u8] = b"  ..:-=+*";

pub fn lolwut(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let mut height = HEIGHT;
    if args.keyword("VERSION") && !args.is_done() {
        args.int();
        args.check()?;
        if !args.is_done() {
            height = args.int_in(1..=HEIGHT_MAX, Error::OUT_OF_RANGE) as usize;
        }
    }
    // Older versions of the command take numbers of their own.
    let _ = args.rest();
    args.check()?;
    let mut text = pond(context.now_ms, height);
    text.push_str(&format!("\nclear enough to see through: limpid {}\n", crate::version::NUMBER));
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Rings around pebbles that the seed has thrown; characters are twice as high as they are wide.
fn pond(seed: u64, height: usize) -> String {
    let pebbles: Vec<(f64, f64)> = (0..PEBBLES)
        .map(|n| {
            let thrown = (seed + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let part = |bits: u64| (bits & 0xffff) as f64 / 65_536.0;
            (part(thrown >> 16) * WIDTH as f64, part(thrown >> 40) * height as f64)
        })
        .collect();
    let mut text = String::with_capacity((WIDTH + 1) * height);
    for y in 0..height {
        let row: Vec<u8> = (0..WIDTH).map(|x| shade(&pebbles, x as f64, y as f64)).collect();
        text.push_str(String::from_utf8_lossy(&row).trim_end());
        text.push('\n');
    }
    text
}

fn shade(pebbles: &[(f64, f64)], x: f64, y: f64) -> u8 {
    let wave = |&(px, py): &(f64, f64)| {
        let distance = ((x - px) / 2.0).hypot(y - py);
        (distance * 1.3).cos() / (1.0 + distance * 0.15)
    };
    let level = pebbles.iter().map(wave).sum::<f64>().clamp(0.0, 1.0);
    SHADES[(level * (SHADES.len() - 1) as f64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pond_is_as_large_as_it_should_be_and_never_the_same() {
        let text = pond(1, 10);
        assert_eq!(text.lines().count(), 10);
        assert!(text.lines().all(|line| line.len() <= WIDTH) && text.contains('*'), "{text}");
        assert_ne!(text, pond(2, 10));
    }
}
