//! Places on earth as scores of a sorted set.
//!
//! ```text
//!   score, 52 bits:   lon lat lon lat ... lon lat       26 bits each, the highest first
//! ```
//!
//! Longitude and latitude are halved 26 times; interleaved, the halves make a number of which the
//! first bits say where a place lies coarsely, and the last ones finely. So the places in a square
//! are a range of scores, and [`search`] reads the few ranges that cover what it looks for.

mod search;
#[cfg(test)]
mod tests;

pub use self::search::{Area, Hit, Shape, search};

/// Halvings of a score.
const STEPS: u32 = 26;

const LONGITUDE: Scale = Scale { min: -180.0, max: 180.0 };
/// As far as a square map of the earth goes.
const LATITUDE: Scale = Scale { min: -85.05112878, max: 85.05112878 };
/// As far as the earth goes; geohashes elsewhere use this.
const LATITUDE_TO_POLES: Scale = Scale { min: -90.0, max: 90.0 };

const EARTH_RADIUS_M: f64 = 6_372_797.560856;

/// Degrees east and north.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub longitude: f64,
    pub latitude: f64,
}

impl Point {
    /// `None` where the map ends. Redis: "invalid longitude,latitude pair".
    pub fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let on_map = LONGITUDE.contains(longitude) && LATITUDE.contains(latitude);
        on_map.then_some(Self { longitude, latitude })
    }

    pub fn score(&self) -> f64 {
        Cell::at(*self, LATITUDE, STEPS).bits() as f64
    }

    /// The middle of the square that a score stands for. Any score is a place, if need be at the edge
    /// of the map.
    pub fn of_score(score: f64) -> Self {
        let (longitude, latitude) = Cell::of_bits(bits_of(score)).sides();
        Self { longitude: LONGITUDE.clamp(longitude.middle()), latitude: LATITUDE.clamp(latitude.middle()) }
    }

    /// Along a great circle.
    pub fn distance_m(&self, other: &Point) -> f64 {
        let v = ((other.longitude.to_radians() - self.longitude.to_radians()) / 2.0).sin();
        if v == 0.0 {
            return self.distance_north_m(other);
        }
        let (here, there) = (self.latitude.to_radians(), other.latitude.to_radians());
        let u = ((there - here) / 2.0).sin();
        let a = u * u + here.cos() * there.cos() * v * v;
        2.0 * EARTH_RADIUS_M * a.sqrt().min(1.0).asin()
    }

    /// Along a meridian.
    fn distance_north_m(&self, other: &Point) -> f64 {
        EARTH_RADIUS_M * (other.latitude.to_radians() - self.latitude.to_radians()).abs()
    }
}

/// A score as a number. C leaves open what becomes of one that is negative or too large; this is what x86-64 makes of
/// it, and so Redis.
fn bits_of(score: f64) -> u64 {
    const TOP: f64 = (1u64 << 63) as f64;
    let signed = |score: f64| if (-TOP..TOP).contains(&score) { score as i64 } else { i64::MIN };
    if score < TOP { signed(score) as u64 } else { signed(score - TOP) as u64 ^ 1 << 63 }
}

/// The standard geohash of a score, eleven characters long as Redis prints it: 52 bits make ten,
/// and the last is always 0.
pub fn geohash(score: f64) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = Cell::at(Point::of_score(score), LATITUDE_TO_POLES, STEPS).bits();
    let mut text = [b'0'; 11];
    for (index, character) in text[..10].iter_mut().enumerate() {
        *character = ALPHABET[(bits >> (47 - 5 * index)) as usize % 32];
    }
    text
}

/// What distances are given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Metre,
    Kilometre,
    Foot,
    Mile,
}

impl Unit {
    /// `m`, `km`, `ft` or `mi`, in any case. `None`: Redis says "unsupported unit provided. please
    /// use M, KM, FT, MI".
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text.to_ascii_lowercase().as_slice() {
            b"m" => Some(Self::Metre),
            b"km" => Some(Self::Kilometre),
            b"ft" => Some(Self::Foot),
            b"mi" => Some(Self::Mile),
            _ => None,
        }
    }

    pub fn metres(self) -> f64 {
        match self {
            Self::Metre => 1.0,
            Self::Kilometre => 1000.0,
            Self::Foot => 0.3048,
            Self::Mile => 1609.34,
        }
    }
}

/// Degrees from one end of the map to the other, or a part of them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    min: f64,
    max: f64,
}

impl Scale {
    fn contains(&self, degrees: f64) -> bool {
        (self.min..=self.max).contains(&degrees)
    }

    fn clamp(&self, degrees: f64) -> f64 {
        degrees.clamp(self.min, self.max)
    }

    fn middle(&self) -> f64 {
        (self.min + self.max) / 2.0
    }

    /// In which of 2^`steps` equal parts the degrees lie.
    fn part(&self, degrees: f64, steps: u32) -> u32 {
        ((degrees - self.min) / (self.max - self.min) * (1u64 << steps) as f64) as u32
    }

    fn of_part(&self, part: u32, steps: u32) -> Scale {
        let end = |part: f64| self.min + part / (1u64 << steps) as f64 * (self.max - self.min);
        Scale { min: end(part.into()), max: end(f64::from(part) + 1.0) }
    }
}

/// A square of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    longitude: u32,
    latitude: u32,
    steps: u32,
}

impl Cell {
    fn at(point: Point, latitude: Scale, steps: u32) -> Self {
        Self {
            longitude: LONGITUDE.part(point.longitude, steps),
            latitude: latitude.part(point.latitude, steps),
            steps,
        }
    }

    fn of_bits(bits: u64) -> Self {
        Self { longitude: gather(bits >> 1), latitude: gather(bits), steps: STEPS }
    }

    fn bits(&self) -> u64 {
        spread(self.longitude) << 1 | spread(self.latitude)
    }

    /// From west to east, and from south to north.
    fn sides(&self) -> (Scale, Scale) {
        (LONGITUDE.of_part(self.longitude, self.steps), LATITUDE.of_part(self.latitude, self.steps))
    }

    /// The cell so many cells further; past an edge of the map, it goes on at the other. A place right on the edge lies in
    /// a cell past the last, which is left by going on only.
    fn neighbour(&self, east: i32, north: i32) -> Self {
        let last = (1 << self.steps) - 1;
        let further = |part: u32, by: i32| if by == 0 { part } else { part.wrapping_add_signed(by) & last };
        Self { longitude: further(self.longitude, east), latitude: further(self.latitude, north), ..*self }
    }
}

/// Puts a zero before each bit.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Takes every second bit out.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}
