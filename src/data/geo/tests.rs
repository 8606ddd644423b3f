use super::*;
use crate::data::Thresholds;
use crate::data::random::tests::seeded;
use crate::data::zset::ZSet;

fn point(longitude: f64, latitude: f64) -> Point {
    Point::new(longitude, latitude).expect("on the map")
}

/// Asked of Redis 7.0: GEOADD, ZSCORE, GEOHASH, GEOPOS.
const FROM_REDIS: [(f64, f64, u64, &str, &str); 6] = [
    (13.361389, 38.115556, 3479099956230698, "sqc8b49rny0", "13.36138933897018433 38.11555639549629859"),
    (15.087269, 37.502669, 3479447370796909, "sqdtr74hyu0", "15.08726745843887329 37.50266842333162032"),
    (2.349014, 48.864716, 3663832805879806, "u09tvrw3xg0", "2.34901160001754761 48.86471570750150306"),
    (-73.9733487, 40.7648057, 1791875761332224, "dr5rutn20n0", "-73.97334784269332886 40.76480639569881959"),
    (-180.0, -85.05112878, 0, "00bh0hbj200", "-179.99999731779098511 -85.05112751263942528"),
    (180.0, 85.05112878, 13510798882111488, "bp05b5048p0", "180 85.0511287799999991"),
];

#[test]
fn scores_and_geohashes_are_those_of_redis() {
    for (longitude, latitude, score, text, back) in FROM_REDIS {
        let place = point(longitude, latitude);
        assert_eq!(place.score(), score as f64);
        assert_eq!(str::from_utf8(&geohash(place.score())), Ok(text));
        let back: Vec<f64> = back.split(' ').flat_map(str::parse).collect();
        assert_eq!(Point::of_score(place.score()), point(back[0], back[1]));
    }
}

#[test]
fn distances_are_those_of_redis() {
    let stored = |longitude, latitude| Point::of_score(point(longitude, latitude).score());
    let palermo = stored(13.361389, 38.115556);
    let catania = stored(15.087269, 37.502669);
    assert_eq!(format!("{:.4}", palermo.distance_m(&catania)), "166274.1516");
    let (paris, new_york) = (stored(2.349014, 48.864716), stored(-73.9733487, 40.7648057));
    assert_eq!(format!("{:.4}", paris.distance_m(&new_york)), "5832694.8307");
    assert_eq!(palermo.distance_m(&palermo), 0.0);
}

#[test]
fn any_score_is_a_place_on_the_map() {
    for score in [f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.5, 1e300, 1e15] {
        let place = Point::of_score(score);
        assert!(Point::new(place.longitude, place.latitude).is_some(), "{score}");
        assert_eq!(geohash(score).len(), 11);
    }
    assert!(Point::new(180.1, 0.0).is_none() && Point::new(0.0, 86.0).is_none());
    assert!(Point::new(f64::NAN, 0.0).is_none());
}

/// Asked of Redis 7.0 on x86-64: ZADD, GEOHASH.
const SCORES_OF_NO_PLACE: [(f64, &str); 7] = [
    (f64::INFINITY, "00bh0hbj200"),
    (f64::NEG_INFINITY, "00bh0hbj200"),
    (-1.0, "bp05b5048p0"),
    (-1e10, "bp05b5048p0"),
    (1e19, "bp05b5048p0"),
    (9.3e18, "bp05b5048p0"),
    (1e16, "21b024bh2j0"),
];

#[test]
fn scores_that_no_place_has_are_where_redis_sees_them() {
    for (score, text) in SCORES_OF_NO_PLACE {
        assert_eq!(str::from_utf8(&geohash(score)), Ok(text), "{score}");
    }
}

/// A member at the eastern edge is in a cell past the last one.
#[test]
fn a_search_at_the_edge_of_the_map_finds_what_is_there() {
    let mut zset = ZSet::new();
    let (edge, other_side) = (point(180.0, 38.0), point(-180.0, 38.0));
    for (name, place) in [("edge", edge), ("near", point(179.9999, 38.0)), ("other side", other_side)] {
        zset.set(name.as_bytes(), place.score(), &Thresholds::default());
    }
    let found = |radius_m| {
        let area = Area { centre: Point::of_score(edge.score()), shape: Shape::Circle { radius_m } };
        let hits = search(&zset, &area, usize::MAX);
        hits.iter().map(|hit| String::from_utf8_lossy(&hit.member.to_vec()).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(1.0), ["edge"]);
    assert_eq!(found(100.0), ["edge", "near"]);
}

#[test]
fn units_are_read_in_any_case() {
    assert_eq!(Unit::parse(b"KM").map(Unit::metres), Some(1000.0));
    assert_eq!(Unit::parse(b"mi").map(Unit::metres), Some(1609.34));
    assert_eq!(Unit::parse(b"yd"), None);
}

/// Searches of every size, near the middle of the map and near its edges, against looking at each place.
#[test]
fn a_search_finds_what_lies_within() {
    let mut rng = seeded(9);
    let mut degrees = |span: f64| (rng() as f64 / u64::MAX as f64 - 0.5) * span;
    let mut zset = ZSet::new();
    for n in 0..2000 {
        let place = point(degrees(360.0), degrees(170.0));
        zset.set(format!("{n}").as_bytes(), place.score(), &Thresholds::default());
    }
    let mut found = 0;
    for n in 0..600 {
        let size_m = 10f64.powf(4.0 + f64::from(n % 30) / 10.0);
        // Not past a pole or the date line, where a search ends as the map does.
        let centre = point(degrees(250.0), degrees(90.0));
        let shape = match n % 2 {
            0 => Shape::Circle { radius_m: size_m },
            _ => Shape::Box { width_m: size_m, height_m: size_m * 0.7 },
        };
        let inside = |place: &Point| match shape {
            Shape::Circle { radius_m } => centre.distance_m(place) <= radius_m,
            Shape::Box { width_m, height_m } => {
                let (north, beside) = (Point { latitude: place.latitude, ..centre }, place);
                centre.distance_m(&north) <= height_m / 2.0 && north.distance_m(beside) <= width_m / 2.0
            }
        };
        let hits = search(&zset, &Area { centre, shape }, usize::MAX);
        let expected = zset.iter().filter(|(_, score)| inside(&Point::of_score(*score))).count();
        // Past that, nine cells do not always cover the area, and Redis's do not either.
        if size_m < 3_000_000.0 {
            assert_eq!(hits.len(), expected, "{centre:?} {shape:?}");
        }
        assert!(hits.iter().all(|hit| inside(&hit.point) && hit.distance_m == centre.distance_m(&hit.point)));
        assert_eq!(search(&zset, &Area { centre, shape }, 3).len(), hits.len().min(3));
        found += hits.len();
    }
    assert!(found > 10_000, "{found}");
}
