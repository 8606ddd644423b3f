//! Places one by one: GEOADD, GEODIST, GEOHASH, GEOPOS.

use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::command::sorted_sets::{Options, Pairs, add, parse_score};
use crate::data::geo::{self, Point, Unit};
use crate::data::zset::ZSet;
use crate::keyspace::{Edit, View};
use crate::protocol::Reply;

/// A ZADD whose scores are places; also in the log.
pub(super) fn geoadd(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let mut options = Options::default();
    loop {
        if args.keyword("NX") {
            options.only_new = true;
        } else if args.keyword("XX") {
            options.only_known = true;
        } else if args.keyword("CH") {
            options.count_changed = true;
        } else {
            break;
        }
    }
    if args.is_done() || !args.left().is_multiple_of(3) || (options.only_new && options.only_known) {
        return Err(Error::SYNTAX);
    }
    let mut pairs = Pairs::with_capacity(args.left() / 3);
    while !args.is_done() {
        pairs.push((point(args)?.score(), args.next()));
    }
    add(key, &options, pairs, edit, reply)
}

pub(super) fn geodist(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, from, to) = (args.next(), args.next(), args.next());
    if args.left() > 1 {
        return Err(Error::SYNTAX);
    }
    let unit = if args.is_done() { Unit::Metre } else { unit(args)? };
    let zset = view.read::<ZSet>(key)?;
    match (place(zset, from), place(zset, to)) {
        (Some(from), Some(to)) => say_distance(reply, from.distance_m(&to) / unit.metres()),
        _ => reply.null(),
    }
    Ok(())
}

pub(super) fn geohash(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (zset, members) = (view.read::<ZSet>(args.next())?, args.rest());
    reply.array(members.len());
    for member in members {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => reply.bulk(&geo::geohash(score)),
            None => reply.null(),
        }
    }
    Ok(())
}

pub(super) fn geopos(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (zset, members) = (view.read::<ZSet>(args.next())?, args.rest());
    reply.array(members.len());
    for member in members {
        match place(zset, member) {
            Some(point) => say_point(reply, &point),
            None => reply.null_array(),
        }
    }
    Ok(())
}

/// Where a member is.
pub(super) fn place(zset: Option<&ZSet>, member: &[u8]) -> Option<Point> {
    zset?.score(member).map(Point::of_score)
}

/// `longitude latitude`
pub(super) fn point(args: &mut Args) -> Result<Point, Error> {
    let longitude = parse_score(args.next()).ok_or(Error::NOT_A_FLOAT)?;
    let latitude = parse_score(args.next()).ok_or(Error::NOT_A_FLOAT)?;
    Point::new(longitude, latitude).ok_or_else(|| {
        Error::new(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"))
    })
}

pub(super) fn unit(args: &mut Args) -> Result<Unit, Error> {
    const UNKNOWN: Error = Error::fixed("ERR unsupported unit provided. please use M, KM, FT, MI");
    Unit::parse(args.next()).ok_or(UNKNOWN)
}

pub(super) fn say_distance(reply: &mut Reply, distance: f64) {
    reply.bulk(format!("{distance:.4}").as_bytes());
}

/// With as many digits as Redis gives them: 17 behind the point, less the zeros at the end.
pub(super) fn say_point(reply: &mut Reply, point: &Point) {
    reply.array(2);
    for degrees in [point.longitude, point.latitude] {
        let digits = format!("{degrees:.17}");
        reply.decimal(digits.trim_end_matches('0').trim_end_matches('.'));
    }
}
