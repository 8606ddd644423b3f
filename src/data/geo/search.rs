//! The places within a circle or a box: nine cells around the centre cover it, and each cell is a
//! range of scores.

use super::{Cell, EARTH_RADIUS_M, LATITUDE, Point, STEPS};
use crate::data::packed::Element;
use crate::data::zset::{ScoreBound, ZSet};

/// What to search, around a centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub centre: Point,
    pub shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    Circle { radius_m: f64 },
    Box { width_m: f64, height_m: f64 },
}

/// A member in the area.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    pub member: Element<'a>,
    pub score: f64,
    pub point: Point,
    /// From the centre.
    pub distance_m: f64,
}

/// The members in the area, `limit` at most: cell by cell as Redis goes through them, each by ascending score.
pub fn search<'a>(zset: &'a ZSet, area: &Area, limit: usize) -> Vec<Hit<'a>> {
    let mut hits = Vec::new();
    let mut previous = None;
    for cell in area.cells() {
        // On a coarse map, the eastern neighbour may be the western one.
        if previous.replace(cell) == Some(cell) {
            continue;
        }
        let shift = 2 * (STEPS - cell.steps);
        let min = ScoreBound::inclusive((cell.bits() << shift) as f64);
        let max = ScoreBound::exclusive(((cell.bits() + 1) << shift) as f64);
        for (member, score) in zset.range(zset.by_score(min, max)) {
            if hits.len() >= limit {
                return hits;
            }
            let point = Point::of_score(score);
            if let Some(distance_m) = area.distance_inside_m(&point) {
                hits.push(Hit { member, score, point, distance_m });
            }
        }
    }
    hits
}

impl Area {
    /// The distance from the centre, if the point is in the area.
    fn distance_inside_m(&self, point: &Point) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius_m } => {
                Some(self.centre.distance_m(point)).filter(|distance_m| *distance_m <= radius_m)
            }
            Shape::Box { width_m, height_m } => {
                let beside = Point { longitude: self.centre.longitude, ..*point };
                let inside = self.centre.distance_north_m(point) <= height_m / 2.0
                    && beside.distance_m(point) <= width_m / 2.0;
                inside.then(|| self.centre.distance_m(point))
            }
        }
    }

    /// Cells that together cover the area.
    fn cells(&self) -> impl Iterator<Item = Cell> + use<> {
        let bounds = self.bounds();
        let mut steps = steps_for(self.radius_m(), self.centre.latitude);
        let mut centre = Cell::at(self.centre, LATITUDE, steps);
        if steps > 1 && !bounds.within_neighbours_of(centre) {
            steps -= 1;
            centre = Cell::at(self.centre, LATITUDE, steps);
        }
        // The sides of the area that the cell in the middle reaches by itself.
        let (longitude, latitude) = centre.sides();
        let covered = |east: i32, north: i32| {
            steps >= 2
                && (north < 0 && latitude.min < bounds.south
                    || north > 0 && latitude.max > bounds.north
                    || east < 0 && longitude.min < bounds.west
                    || east > 0 && longitude.max > bounds.east)
        };
        const AROUND: [(i32, i32); 9] =
            [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let needed =
            AROUND.map(|(east, north)| (!covered(east, north)).then(|| centre.neighbour(east, north)));
        needed.into_iter().flatten()
    }

    /// To the point farthest away.
    fn radius_m(&self) -> f64 {
        match self.shape {
            Shape::Circle { radius_m } => radius_m,
            Shape::Box { width_m, height_m } => {
                ((width_m / 2.0) * (width_m / 2.0) + (height_m / 2.0) * (height_m / 2.0)).sqrt()
            }
        }
    }

    fn bounds(&self) -> Bounds {
        let (east_m, north_m) = match self.shape {
            Shape::Circle { radius_m } => (radius_m, radius_m),
            Shape::Box { width_m, height_m } => (width_m / 2.0, height_m / 2.0),
        };
        let Point { longitude, latitude } = self.centre;
        let north = (north_m / EARTH_RADIUS_M).to_degrees();
        // A degree of longitude is shortest at the side that is nearer to a pole.
        let polar = if latitude < 0.0 { latitude - north } else { latitude + north };
        let east = (east_m / EARTH_RADIUS_M / polar.to_radians().cos()).to_degrees();
        Bounds {
            west: longitude - east,
            east: longitude + east,
            south: latitude - north,
            north: latitude + north,
        }
    }
}

/// The sides of a rectangle of the map around an area, in degrees.
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Bounds {
    fn within_neighbours_of(&self, cell: Cell) -> bool {
        cell.neighbour(0, 1).sides().1.max >= self.north
            && cell.neighbour(0, -1).sides().1.min <= self.south
            && cell.neighbour(1, 0).sides().0.max >= self.east
            && cell.neighbour(-1, 0).sides().0.min <= self.west
    }
}

/// How often to halve the map so that nine cells just cover a circle, in most cases.
fn steps_for(radius_m: f64, latitude: f64) -> u32 {
    /// Half way around the earth, on the map's scale.
    const MAP_M: f64 = 20_037_726.37;
    if radius_m == 0.0 {
        return STEPS;
    }
    let mut steps = -1i32;
    let mut reach_m = radius_m;
    while reach_m < MAP_M {
        reach_m *= 2.0;
        steps += 1;
    }
    // Towards the poles, a degree of longitude is ever shorter.
    steps -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
    steps.clamp(1, STEPS as i32) as u32
}
