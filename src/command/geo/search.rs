//! The places in an area: told, or stored as another sorted set.

use super::places::{say_distance, say_point};
use super::query::{Form, Order, Query};
use crate::command::args::Args;
use crate::command::collection::say;
use crate::command::error::Done;
use crate::command::row::KeySink;
use crate::command::sorted_sets::put_zset;
use crate::data::Thresholds;
use crate::data::geo::{self, Hit};
use crate::data::packed::IntText;
use crate::data::zset::ZSet;
use crate::keyspace::{Edit, View, event};
use crate::protocol::{Reply, Words};

/// GEOSEARCH and the commands that end in _RO.
pub(super) fn list(args: &mut Args, view: &View, reply: &mut Reply, form: Form) -> Done {
    let zset = view.read::<ZSet>(args.next())?;
    let query = Query::parse(args, form, zset, false)?;
    tell(reply, &query, &query.hits(zset));
    Ok(())
}

/// GEORADIUS and GEORADIUSBYMEMBER.
pub(super) fn list_or_store(args: &mut Args, edit: &mut Edit, reply: &mut Reply, form: Form) -> Done {
    let zset = edit.reading().read::<ZSet>(args.next())?;
    let query = Query::parse(args, form, zset, true)?;
    let hits = query.hits(zset);
    match query.store {
        Some(to) => {
            let result = query.collect(&hits, &edit.thresholds());
            reply.int(result.len() as i64);
            put_zset(edit, event::GEORADIUSSTORE, to, result);
        }
        None => tell(reply, &query, &hits),
    }
    Ok(())
}

pub(super) fn geosearchstore(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (to, from) = (args.next(), args.next());
    let zset = edit.reading().read::<ZSet>(from)?;
    let query = Query::parse(args, Form::SearchStore, zset, false)?;
    let result = query.collect(&query.hits(zset), &edit.thresholds());
    reply.int(result.len() as i64);
    put_zset(edit, event::GEOSEARCHSTORE, to, result);
    Ok(())
}

/// The key to search, and behind STORE or STOREDIST another one.
pub(super) fn keys_of_georadius(words: Words<'_>, db: u8, sink: &mut KeySink<'_>) {
    let mut args = Args::new(words);
    sink.key(db, args.next());
    let mut words = args.rest().skip(3);
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case(b"STORE") || word.eq_ignore_ascii_case(b"STOREDIST") {
            words.next().into_iter().for_each(|key| sink.key(db, key));
        }
    }
}

impl Query<'_> {
    fn hits<'z>(&self, zset: Option<&'z ZSet>) -> Vec<Hit<'z>> {
        let (Some(zset), Some(area)) = (zset, self.area()) else { return Vec::new() };
        let count = self.count.unwrap_or(usize::MAX);
        let mut hits = geo::search(zset, &area, if self.any { count } else { usize::MAX });
        match self.order {
            Some(Order::Nearest) => hits.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m)),
            Some(Order::Farthest) => hits.sort_by(|a, b| b.distance_m.total_cmp(&a.distance_m)),
            None => {}
        }
        hits.truncate(count);
        hits
    }

    /// The hits as a sorted set: by where they are, or by how far.
    fn collect(&self, hits: &[Hit<'_>], limits: &Thresholds) -> ZSet {
        let mut zset = ZSet::new();
        for hit in hits {
            let score = if self.store_distance { hit.distance_m / self.unit.metres() } else { hit.score };
            zset.set(hit.member.as_bytes(&mut IntText::default()), score, limits);
        }
        zset
    }
}

fn tell(reply: &mut Reply, query: &Query, hits: &[Hit<'_>]) {
    let extras = [query.with_distance, query.with_score, query.with_point];
    let extras = extras.into_iter().filter(|&wanted| wanted).count();
    reply.array(hits.len());
    for hit in hits {
        if extras > 0 {
            reply.array(1 + extras);
        }
        say(reply, &hit.member);
        if query.with_distance {
            say_distance(reply, hit.distance_m / query.unit.metres());
        }
        if query.with_score {
            reply.int(hit.score as i64);
        }
        if query.with_point {
            say_point(reply, &hit.point);
        }
    }
}
