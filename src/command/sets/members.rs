//! Members one by one: adding, removing, asking.

use crate::command::args::Args;
use crate::command::collection::{Scan, Texts, record_in_pieces, record_removal, say};
use crate::command::error::Done;
use crate::data::set::Set;
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

pub(super) fn sadd(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, limits) = (args.next(), edit.thresholds());
    let members = args.rest();
    let set = edit.write_or_create::<Set>(key)?;
    // Sets that exist have members: this one is new.
    if set.is_empty() {
        *set = Set::for_members(members.clone().next().unwrap_or_default(), members.len(), &limits);
    } else {
        set.expect(members.len(), &limits);
    }
    let mut added = Texts::default();
    members.filter(|member| set.add(member, &limits)).for_each(|member| added.push(member));
    if !added.is_empty() {
        record_in_pieces(edit, b"SADD", key, &added);
        edit.notify(event::SADD, key);
    }
    reply.int(added.len() as i64);
    Ok(())
}

pub(super) fn srem(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let mut removed = Texts::default();
    if let Some(set) = edit.write::<Set>(key)? {
        args.rest().filter(|member| set.remove(member)).for_each(|member| removed.push(member));
        record_removal(edit, event::SREM, b"SREM", key, &removed);
    }
    reply.int(removed.len() as i64);
    Ok(())
}

pub(super) fn smove(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (from, to, member) = (args.next(), args.next(), args.next());
    let Some(source) = edit.read::<Set>(from)? else {
        reply.int(0);
        return Ok(());
    };
    let moves = source.contains(member);
    edit.read::<Set>(to)?;
    if moves && from != to {
        relocate(edit, from, to, member)?;
    }
    reply.int(moves.into());
    Ok(())
}

fn relocate(edit: &mut Edit, from: &[u8], to: &[u8], member: &[u8]) -> Done {
    let limits = edit.thresholds();
    let mut moved = Texts::default();
    moved.push(member);
    if let Some(source) = edit.write::<Set>(from)? {
        source.remove(member);
        record_removal(edit, event::SREM, b"SREM", from, &moved);
    }
    let target = edit.write_or_create::<Set>(to)?;
    if target.is_empty() {
        *target = Set::for_members(member, 1, &limits);
    }
    if target.add(member, &limits) {
        edit.record(&[b"SADD", to, member]);
        edit.notify(event::SADD, to);
    }
    Ok(())
}

pub(super) fn scard(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    reply.int(view.read::<Set>(args.next())?.map_or(0, Set::len) as i64);
    Ok(())
}

pub(super) fn sismember(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (set, member) = (view.read::<Set>(args.next())?, args.next());
    reply.int(set.is_some_and(|set| set.contains(member)).into());
    Ok(())
}

pub(super) fn smismember(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let set = view.read::<Set>(args.next())?;
    let members = args.rest();
    reply.array(members.len());
    members.for_each(|member| reply.int(set.is_some_and(|set| set.contains(member)).into()));
    Ok(())
}

pub(super) fn smembers(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let set = view.read::<Set>(args.next())?;
    reply.set(set.map_or(0, Set::len));
    set.into_iter().flat_map(Set::iter).for_each(|member| say(reply, &member));
    Ok(())
}

pub(super) fn sscan(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, cursor) = (args.next(), Scan::cursor(args)?);
    let mut found = Texts::default();
    let Some(set) = view.read::<Set>(key)? else {
        Scan::say(reply, 0, &found);
        return Ok(());
    };
    let scan = Scan::options(args)?;
    let next = set.scan(cursor, scan.count, &mut |member| {
        if scan.wants(&member) {
            found.push_element(&member);
        }
    });
    Scan::say(reply, next, &found);
    Ok(())
}
