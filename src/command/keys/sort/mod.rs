//! SORT: the elements of a list, set or sorted set, in the order of themselves or of what other keys hold.

mod options;
mod order;

use std::borrow::Cow;

use super::ROW;
use crate::acl::Categories;
use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::command::key_use::{KeyUse, Uses};
use crate::command::row::{Behind, Command, Flags, KeySink, Keys, Run};
use crate::data::list::{End, List};
use crate::data::packed::Element;
use crate::keyspace::{Content, Edit, Object, Stored, View, event};
use crate::protocol::{Reply, Words};
use options::{Options, Pattern};

pub static ROWS: &[Command] = &[
    Command {
        name: "sort",
        arity: -2,
        keys: Keys::Found {
            first: 1,
            last: 1,
            step: 1,
            behind: Behind::Anywhere,
            find: |words, db, sink| keys(words, db, sink, true),
        },
        uses: Uses::Each(&[KeyUse::RO_ACCESS, KeyUse::OW_UPDATE]),
        about: ABOUT,
        flags: Flags::LONG.and(Flags::GROWS).and(Flags::DANGEROUS),
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
        summary: "Sorts the elements of a list, a set or a sorted set, and optionally stores them as a list.",
        complexity: "O(N log(N)) where N is the number of elements.",
        run: Run::Write(sort),
        ..ROW
    },
    Command {
        name: "sort_ro",
        arity: -2,
        keys: Keys::Found {
            first: 1,
            last: 1,
            step: 1,
            behind: Behind::Anywhere,
            find: |words, db, sink| keys(words, db, sink, false),
        },
        about: ABOUT,
        flags: Flags::LONG.and(Flags::DANGEROUS),
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
        summary: "Returns the sorted elements of a list, a set or a sorted set.",
        since: "7.0.0",
        complexity: "O(N log(N)) where N is the number of elements.",
        run: Run::Read(sort_ro),
        ..ROW
    },
];

const ABOUT: Option<Categories> = Some(Categories::LIST.and(Categories::SET).and(Categories::SORTED_SET));

/// A pattern makes names of keys from elements, so it may name any key of the database.
fn keys(words: Words<'_>, db: u8, sink: &mut KeySink<'_>, may_store: bool) {
    sink.key(db, words.get(1));
    let mut args = Args::new(words);
    args.next();
    let Ok(options) = Options::parse(&mut args, may_store) else {
        if let Some(destination) = options::stated_destination(words).filter(|_| may_store) {
            sink.key(db, destination);
        }
        return;
    };
    if let Some(destination) = options.store {
        sink.key(db, destination);
    }
    if let Some(option) = options.reads_other_keys() {
        sink.made_up(db, option);
    }
}

fn sort_ro(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    let options = Options::parse(args, false)?;
    say(&sorted(view, key, &options)?, reply);
    Ok(())
}

fn sort(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let options = Options::parse(args, true)?;
    let values = sorted(edit.reading(), key, &options)?;
    match options.store {
        None => say(&values, reply),
        Some(destination) => {
            let values: Vec<Vec<u8>> =
                values.into_iter().map(|v| v.unwrap_or_default().into_owned()).collect();
            store(edit, destination, &values);
            reply.int(values.len() as i64);
        }
    }
    Ok(())
}

fn say(values: &[Option<Cow<'_, [u8]>>], reply: &mut Reply) {
    reply.array(values.len());
    for value in values {
        match value {
            Some(value) => reply.bulk(value),
            None => reply.null(),
        }
    }
}

/// What the client is to get: for each element in order itself, or what each GET makes of it.
fn sorted<'v>(view: &'v View, key: &[u8], options: &Options) -> Result<Vec<Option<Cow<'v, [u8]>>>, Error> {
    let elements = order::in_order(view, elements(view, key)?, options)?;
    if options.gets.is_empty() {
        return Ok(elements.into_iter().map(|element| Some(text(element))).collect());
    }
    let answers = |element: Element<'v>| {
        let subject = text(element);
        let answer = |get: &Pattern| match get {
            Pattern::Element => Some(subject.clone()),
            _ => get.look_up(view, &subject),
        };
        options.gets.iter().map(answer).collect::<Vec<_>>()
    };
    Ok(elements.into_iter().flat_map(answers).collect())
}

/// A collection's elements in their own order, if it has one.
struct Elements<'v> {
    all: Vec<Element<'v>>,
    has_order: bool,
}

fn elements<'v>(view: &'v View, key: &[u8]) -> Result<Elements<'v>, Error> {
    let Some(entry) = view.get(key) else { return Ok(Elements { all: Vec::new(), has_order: true }) };
    Ok(match entry.object() {
        Some(Object::List(list)) => Elements { all: list.iter().collect(), has_order: true },
        Some(Object::ZSet(zset)) => {
            Elements { all: zset.iter().map(|(member, _)| member).collect(), has_order: true }
        }
        Some(Object::Set(set)) => Elements { all: set.iter().collect(), has_order: false },
        _ => return Err(Error::WRONG_TYPE),
    })
}

fn text(element: Element<'_>) -> Cow<'_, [u8]> {
    match element {
        Element::Bytes(text) => Cow::Borrowed(text),
        Element::Int(_) => Cow::Owned(element.to_vec()),
    }
}

/// Nothing to store removes what is there.
fn store(edit: &mut Edit, destination: &[u8], values: &[Vec<u8>]) {
    if values.is_empty() {
        if edit.remove(destination) {
            edit.record(&[b"DEL", destination]);
            edit.notify(event::DEL, destination);
        }
        return;
    }
    let (thresholds, replaced) = (edit.thresholds(), edit.peek(edit.db(), destination).is_some());
    let mut list = List::new();
    values.iter().for_each(|value| list.push(End::Back, value, &thresholds));
    edit.put(destination, Content::Object(Box::new(list.into_object())), None);
    edit.record_made(destination, replaced);
    edit.notify(event::SORTSTORE, destination);
}
