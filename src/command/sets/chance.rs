//! Members by chance: SPOP, SRANDMEMBER. What was popped is what is recorded.

use crate::command::args::Args;
use crate::command::collection::{Bound, Draw, Texts, count, delete, record_removal, say};
use crate::command::error::Done;
use crate::data::set::Set;
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

pub(super) fn spop(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    if args.is_done() {
        return pop_one(key, edit, reply);
    }
    if args.left() > 1 {
        return args.finish();
    }
    let count = count(args)?;
    pop_many(key, count, edit, reply)
}

fn pop_one(key: &[u8], edit: &mut Edit, reply: &mut Reply) -> Done {
    let mut random = edit.random();
    let Some(member) = edit.write::<Set>(key)?.and_then(|set| set.pop(&mut random)) else {
        reply.null();
        return Ok(());
    };
    reply.bulk(&member);
    let mut popped = Texts::default();
    popped.push(&member);
    record_removal(edit, event::SPOP, b"SREM", key, &popped);
    Ok(())
}

fn pop_many(key: &[u8], count: usize, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (limits, mut random) = (edit.thresholds(), edit.random());
    let Some(set) = edit.write::<Set>(key)? else {
        reply.set(0);
        return Ok(());
    };
    reply.set(count.min(set.len()));
    if count >= set.len() {
        set.iter().for_each(|member| say(reply, &member));
        edit.notify(event::SPOP, key);
        delete(edit, key);
        return Ok(());
    }
    let mut popped = Texts::default();
    set.pop_many(count, &limits, &mut random, &mut |member| {
        say(reply, &member);
        popped.push_element(&member);
    });
    record_removal(edit, event::SPOP, b"SREM", key, &popped);
    Ok(())
}

pub(super) fn srandmember(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    let mut random = view.random();
    if args.is_done() {
        match view.read::<Set>(key)?.and_then(|set| set.random(&mut random)) {
            Some(member) => say(reply, &member),
            None => reply.null(),
        }
        return Ok(());
    }
    if args.left() > 1 {
        return args.finish();
    }
    let draw = Draw::parse(args)?;
    let Some(set) = view.read::<Set>(key)? else {
        reply.array(0);
        return Ok(());
    };
    match draw {
        Draw::Different(count) => {
            let members = set.sample(count, &mut random);
            reply.array(members.len());
            members.iter().for_each(|member| say(reply, member));
        }
        Draw::Repeated(count) => {
            let mut bound = Bound::default();
            reply.array(count);
            for member in (0..count).map_while(|_| set.random(&mut random)) {
                bound.count(&member)?;
                say(reply, &member);
            }
        }
    }
    Ok(())
}
