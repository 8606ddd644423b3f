//! Requests as bytes, built before the clock starts.
//!
//! A template such as `LPUSH key:__rand__ __value__` is instantiated many times, and the results
//! lie back to back in one buffer, so that a pipeline of any depth is one slice and one `write`.

/// What a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Resp,
    /// memcached's text protocol; knows GET and SET only.
    Memcached,
}

/// One word of a request: literal text and placeholders.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// `__rand__`: a random key number, twelve digits.
    Rand,
    /// `__seq__`: the request's own number, twelve digits.
    Seq,
    /// `__value__`: the value, of the size asked for.
    Value,
    /// `__in:MS__`: a moment that many milliseconds after the requests were built, in Unix time.
    In(u64),
}

/// A command with placeholders.
#[derive(Clone, Debug)]
pub struct Template {
    words: Vec<Vec<Part>>,
}

impl Template {
    pub fn parse(command: &str) -> Result<Self, String> {
        let words: Vec<_> = command.split_whitespace().map(parts).collect::<Result<_, _>>()?;
        if words.is_empty() {
            return Err("an empty command".into());
        }
        Ok(Self { words })
    }

    fn word(&self, index: usize, fill: &mut Fill) -> Vec<u8> {
        let mut word = Vec::new();
        for part in &self.words[index] {
            match part {
                Part::Text(text) => word.extend_from_slice(text.as_bytes()),
                Part::Rand => {
                    word.extend_from_slice(format!("{:012}", fill.random.below(fill.keys)).as_bytes())
                }
                Part::Seq => word.extend_from_slice(format!("{:012}", fill.seq).as_bytes()),
                Part::Value => word.resize(word.len() + fill.value_bytes, b'x'),
                Part::In(ms) => word.extend_from_slice((fill.built_ms + ms).to_string().as_bytes()),
            }
        }
        word
    }
}

fn parts(word: &str) -> Result<Vec<Part>, String> {
    // Placeholders sit between double underscores: every second piece is one.
    word.split("__")
        .enumerate()
        .filter(|(_, piece)| !piece.is_empty())
        .map(|(index, piece)| match (index % 2, piece) {
            (0, text) => Ok(Part::Text(text.into())),
            (_, "rand") => Ok(Part::Rand),
            (_, "seq") => Ok(Part::Seq),
            (_, "value") => Ok(Part::Value),
            (_, other) => match other.strip_prefix("in:").map(str::parse) {
                Some(Ok(ms)) => Ok(Part::In(ms)),
                _ => Err(format!(
                    "no placeholder __{other}__ (there are __rand__ __seq__ __value__ __in:MS__)"
                )),
            },
        })
        .collect()
}

/// What placeholders stand for.
pub struct Fill {
    keys: u64,
    value_bytes: usize,
    seq: u64,
    built_ms: u64,
    random: Random,
}

impl Fill {
    pub fn new(keys: u64, value_bytes: usize, seed: u64) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { keys, value_bytes, seq: 0, built_ms: now.as_millis() as u64, random: Random(seed) }
    }
}

/// Many requests, back to back.
pub struct Requests {
    bytes: Vec<u8>,
    /// Where each request ends.
    ends: Vec<usize>,
}

impl Requests {
    pub fn build(
        dialect: Dialect,
        template: &Template,
        count: usize,
        fill: &mut Fill,
    ) -> Result<Self, String> {
        let mut requests = Self { bytes: Vec::new(), ends: Vec::with_capacity(count) };
        for _ in 0..count {
            let words: Vec<_> = (0..template.words.len()).map(|index| template.word(index, fill)).collect();
            match dialect {
                Dialect::Resp => resp(&mut requests.bytes, &words),
                Dialect::Memcached => memcached(&mut requests.bytes, &words)?,
            }
            requests.ends.push(requests.bytes.len());
            fill.seq += 1;
        }
        Ok(requests)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of requests `from .. from + count`.
    pub fn slice(&self, from: usize, count: usize) -> &[u8] {
        let start = if from == 0 { 0 } else { self.ends[from - 1] };
        &self.bytes[start..self.ends[from + count - 1]]
    }
}

fn resp(out: &mut Vec<u8>, words: &[Vec<u8>]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn memcached(out: &mut Vec<u8>, words: &[Vec<u8>]) -> Result<(), String> {
    match words {
        [name, key] if name.eq_ignore_ascii_case(b"GET") => {
            out.extend_from_slice(b"get ");
            out.extend_from_slice(key);
        }
        [name, key, value] if name.eq_ignore_ascii_case(b"SET") => {
            out.extend_from_slice(b"set ");
            out.extend_from_slice(key);
            out.extend_from_slice(format!(" 0 0 {}\r\n", value.len()).as_bytes());
            out.extend_from_slice(value);
        }
        _ => return Err("memcached has no such command".into()),
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// SplitMix64: repeatable, and random enough to spread keys.
pub struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}
