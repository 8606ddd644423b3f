//! Random requests from templates.
//!
//! ```text
//!   SET $s val [ ( NX | XX ) ] [ ( EX sec | PX ms ) ]
//!   |   |  |   |  |
//!   |   |  |   |  one of these
//!   |   |  |   now and then
//!   |   |  a word of this kind (see `word`)
//!   |   a key that mostly holds a string
//!   itself
//! ```
//!
//! `+` behind a group: once or a few times. Few keys and members, so that types and values collide.

use std::iter::Peekable;
use std::str::SplitAsciiWhitespace;

/// xorshift64*: small, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end as u64) as usize
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

#[derive(Debug)]
enum Item {
    Word(&'static str),
    Optional(Vec<Vec<Item>>),
    OneOf(Vec<Vec<Item>>),
    Repeated(Box<Item>),
}

#[derive(Debug)]
pub struct Template {
    items: Vec<Item>,
}

type Tokens = Peekable<SplitAsciiWhitespace<'static>>;

impl Template {
    pub fn parse(text: &'static str) -> Template {
        let mut tokens = text.split_ascii_whitespace().peekable();
        let mut ways = alternatives(&mut tokens);
        assert!(tokens.next().is_none() && ways.len() == 1, "brackets do not match in {text:?}");
        Template { items: ways.remove(0) }
    }

    pub fn request(&self, random: &mut Random) -> Vec<Vec<u8>> {
        let mut words = Vec::new();
        write(&self.items, random, &mut words);
        if random.percent(3) {
            mangle(&mut words, random);
        }
        words
    }
}

fn alternatives(tokens: &mut Tokens) -> Vec<Vec<Item>> {
    let mut ways = vec![Vec::new()];
    while let Some(&token) = tokens.peek() {
        if token == ")" || token == "]" {
            break;
        }
        tokens.next();
        let item = match token {
            "|" => {
                ways.push(Vec::new());
                continue;
            }
            "(" | "[" => {
                let inner = alternatives(tokens);
                tokens.next();
                if token == "(" { Item::OneOf(inner) } else { Item::Optional(inner) }
            }
            word => Item::Word(word),
        };
        let repeated = tokens.next_if_eq(&"+").is_some();
        let way = ways.last_mut().expect("never empty");
        way.push(if repeated { Item::Repeated(Box::new(item)) } else { item });
    }
    ways
}

fn write(items: &[Item], random: &mut Random, words: &mut Vec<Vec<u8>>) {
    for item in items {
        write_one(item, random, words);
    }
}

fn write_one(item: &Item, random: &mut Random, words: &mut Vec<Vec<u8>>) {
    match item {
        Item::Word(kind) => words.push(word(kind, random)),
        Item::Optional(ways) => {
            if random.percent(30) {
                write(&ways[random.below(ways.len())], random, words);
            }
        }
        Item::OneOf(ways) => write(&ways[random.below(ways.len())], random, words),
        Item::Repeated(item) => (0..=random.below(4)).for_each(|_| write_one(item, random, words)),
    }
}

/// A mistake: a word too few, too many, or out of place.
fn mangle(words: &mut Vec<Vec<u8>>, random: &mut Random) {
    let at = 1 + random.below(words.len());
    match random.below(4) {
        0 if words.len() > 1 => drop(words.remove(at.min(words.len() - 1))),
        1 => words.insert(at, word("junk", random)),
        2 if at < words.len() => words[at] = word("junk", random),
        _ => words.push(word("junk", random)),
    }
}

/// The types, by the letter that names their keys: strings, bitmaps, hyperloglogs, hashes, lists, sets, sorted sets, places.
const TYPES: &[&str] = &["s", "b", "p", "h", "l", "t", "z", "g"];

/// `x`: sorted sets with one score for all; no other command gets them.
fn key(kind: &str, random: &mut Random) -> Vec<u8> {
    let kind = if kind == "x" {
        kind
    } else if kind == "k" || random.percent(7) {
        random.pick(TYPES)
    } else {
        kind
    };
    format!("{kind}{}", random.below(4)).into_bytes()
}

fn word(kind: &str, random: &mut Random) -> Vec<u8> {
    if let Some(kind) = kind.strip_prefix('$') {
        return key(kind, random);
    }
    let number = |n: i64| n.to_string().into_bytes();
    match kind {
        "val" => value(random),
        "int" if random.percent(12) => random.pick(EDGES).into(),
        "int" => number(random.below(40) as i64 - 20),
        // A count that is mostly sensible.
        "cnt" if random.percent(8) => random.pick(EDGES).into(),
        "cnt" => number(random.below(6) as i64),
        "signed" => number(random.below(11) as i64 - 5),
        // A position.
        "idx" if random.percent(5) => random.pick(EDGES).into(),
        "idx" => number(random.below(16) as i64 - 8),
        "bit" if random.percent(4) => random.pick(&["2", "-1", "x"]).into(),
        "bit" => number(random.below(2) as i64),
        "offset" if random.percent(6) => random.pick(&["-1", "4294967296", "x", "1.5", "536870912"]).into(),
        "offset" => number(random.below(100) as i64),
        "float" if random.percent(10) => random.pick(FLOAT_EDGES).into(),
        "float" => {
            random.pick(&["0", "1", "1.5", "-2.25", "3.0e2", "0.1", "100", "-7", "10.5", "3.14159"]).into()
        }
        "score" if random.percent(5) => random.pick(FLOAT_EDGES).into(),
        "score" => random.pick(&["0", "1", "2", "3", "1.5", "-1", "10", "2.5", "-inf", "+inf"]).into(),
        "min" | "max" => {
            let bounds = &["-inf", "+inf", "0", "1", "(1", "2", "(2", "3", "(-1", "1.5", "x", "(", "inf"];
            random.pick(bounds).into()
        }
        "lex" => random.pick(&["-", "+", "[a", "(a", "[b", "(c", "[m1", "(m5", "[", "(", "x", "[zz"]).into(),
        "mem" if random.percent(10) => value(random),
        "mem" => format!("m{}", random.below(8)).into_bytes(),
        // Deadlines that no test is slow enough to meet, or that have passed.
        "sec" if random.percent(12) => random.pick(EDGES).into(),
        "sec" => number([1000, 5000, 100_000, -1, 0][random.below(5)]),
        "ms" if random.percent(12) => random.pick(EDGES).into(),
        "ms" => number([1_000_000, 5_000_000, 100_000_000, -1, 0][random.below(5)]),
        "at" if random.percent(12) => random.pick(EDGES).into(),
        "at" => number([4_000_000_000, 4_100_000_000, 1, 1_600_000_000][random.below(4)]),
        "atms" if random.percent(12) => random.pick(EDGES).into(),
        "atms" => number([4_000_000_000_000, 4_100_000_000_000, 1, 1_600_000_000_000][random.below(4)]),
        "glob" => random.pick(GLOBS).into(),
        "db" if random.percent(10) => random.pick(&["16", "-1", "x", "15"]).into(),
        "db" => number(random.below(2) as i64),
        "lon" if random.percent(5) => random.pick(&["181", "-181", "x", "180"]).into(),
        "lon" => random.pick(&["13.361389", "15.087269", "2.3488", "-122.4", "13.5"]).into(),
        "lat" if random.percent(5) => random.pick(&["86", "-86", "x", "85.05112878"]).into(),
        "lat" => random.pick(&["38.115556", "37.502669", "48.8534", "37.7", "38.0"]).into(),
        "radius" => random.pick(&["100", "500", "2000", "0", "-1", "x", "166.2743"]).into(),
        "unit" if random.percent(4) => b"parsec".to_vec(),
        "unit" => random.pick(&["m", "km", "ft", "mi"]).into(),
        "enc" => random.pick(&["u8", "i8", "u1", "i5", "u16", "i64", "u63", "u64", "i65", "x", "u4"]).into(),
        "bfoff" => random.pick(&["0", "8", "#1", "#0", "100", "-1", "x", "#2", "3"]).into(),
        "junk" => random.pick(JUNK).into(),
        literal => any_case(literal, random),
    }
}

fn any_case(word: &str, random: &mut Random) -> Vec<u8> {
    if random.percent(5) { word.to_ascii_lowercase().into() } else { word.into() }
}

fn value(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => Vec::new(),
        1 => vec![0, 255, 13, 10, b'"'],
        2 => "Größe".into(),
        3 => vec![b'x'; 20 + random.below(100)],
        4 => random.pick(EDGES).into(),
        5 => random.pick(FLOAT_EDGES).into(),
        6 => b"hello world".to_vec(),
        7..=9 => (random.below(30) as i64 - 10).to_string().into_bytes(),
        _ => format!("v{}", random.below(10)).into_bytes(),
    }
}

const EDGES: &[&str] = &[
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "9999999999999999",
    "4611686018427387904",
    "0",
    "-0",
    "+1",
    "01",
    " 1",
    "1 ",
    "1.0",
    "",
    "x",
    "1e3",
    "-1",
    "2147483648",
    "4294967296",
];

const FLOAT_EDGES: &[&str] = &[
    "inf",
    "-inf",
    "+inf",
    "nan",
    "1e308",
    "-1e308",
    "1e-10",
    "0x10",
    "1e",
    "",
    " 1",
    "1 ",
    ".5",
    "5.",
    "-0",
    "x",
    "infinity",
    "17179869184",
    "0.30000000000000004",
    "1e400",
    "123456789012345678",
];

const GLOBS: &[&str] = &[
    "*", "s*", "?1", "[sh]*", "[^s]?", "h[0-2]", "\\s1", "nosuch*", "*1", "m*", "m[1-3]", "", "[", "**", "s1",
];

const JUNK: &[&str] =
    &["", "junk", "NX", "-1", "0", "99999999999999999999", "LIMIT", "WITHSCORES", "COUNT", "s0", "*"];
