//! Parts of strings: APPEND, SETRANGE, GETRANGE, STRLEN.
//!
//! What is written here is edited in place and recorded as SETRANGE, so that neither the work nor the log grows with
//! the length of the value.

use super::{put_string, string_mut};
use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::keyspace::{Edit, View, event};
use crate::limits::BULK_MAX;
use crate::protocol::Reply;

pub(super) fn strlen(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    reply.int(view.string(args.next())?.map_or(0, <[u8]>::len) as i64);
    Ok(())
}

pub(super) fn append(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, value) = (args.next(), args.next());
    let Some(old) = edit.string(key)?.map(<[u8]>::len) else {
        put_string(edit, key, value, None);
        edit.notify(event::APPEND, key);
        reply.int(value.len() as i64);
        return Ok(());
    };
    let length = length_after(old as u64, value)?;
    if value.is_empty() {
        // An edited string from now on, as OBJECT ENCODING tells; there is nothing to record.
        string_mut(edit, key)?;
    } else {
        write_at(edit, key, old, value)?;
    }
    edit.notify(event::APPEND, key);
    reply.int(length as i64);
    Ok(())
}

pub(super) fn setrange(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, offset, value) = (args.next(), args.int(), args.next());
    args.check()?;
    let offset = u64::try_from(offset).map_err(|_| Error::fixed("ERR offset is out of range"))?;
    let old = edit.string(key)?.map_or(0, <[u8]>::len);
    if value.is_empty() {
        reply.int(old as i64);
        return Ok(());
    }
    let length = length_after(offset, value)?.max(old);
    write_at(edit, key, offset as usize, value)?;
    edit.notify(event::SETRANGE, key);
    reply.int(length as i64);
    Ok(())
}

/// Where a value ends that is written at an offset, if a string may be so long.
fn length_after(offset: u64, value: &[u8]) -> Result<usize, Error> {
    match offset.checked_add(value.len() as u64) {
        Some(length) if length <= BULK_MAX as u64 => Ok(length as usize),
        _ => Err(Error::TOO_LONG),
    }
}

/// Overwrites a part of a string, which grows as needed, and records it.
fn write_at(edit: &mut Edit, key: &[u8], offset: usize, value: &[u8]) -> Done {
    let bytes = string_mut(edit, key)?;
    let end = offset + value.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(value);
    edit.record(&[b"SETRANGE", key, itoa::Buffer::new().format(offset).as_bytes(), value]);
    Ok(())
}

pub(super) fn getrange(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, start, end) = (args.next(), args.int(), args.int());
    args.check()?;
    let value = view.string(key)?.unwrap_or_default();
    reply.bulk(part(value, start, end));
    Ok(())
}

/// From `start` to `end`, both included; negative ones count from the end of the value.
fn part(value: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let length = value.len() as i64;
    let place = |index: i64| if index < 0 { (length + index).max(0) } else { index };
    let (start, end) = (place(start), place(end).min(length - 1));
    if start > end { b"" } else { &value[start as usize..=end as usize] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_string() {
        for (start, end, expected) in [
            (0, 3, "This"),
            (0, -1, "This is a string"),
            (-3, -1, "ing"),
            (5, 6, "is"),
            (5, 4, ""),
            (20, 25, ""),
            (-1, -3, ""),
            (-100, 3, "This"),
            (12, i64::MAX, "ring"),
            (i64::MIN, i64::MAX, "This is a string"),
            (0, -100, "T"),
        ] {
            assert_eq!(part(b"This is a string", start, end), expected.as_bytes(), "{start} {end}");
        }
        assert_eq!(part(b"", 0, -1), b"");
        assert_eq!(part(b"", 0, 0), b"");
    }

    #[test]
    fn a_string_ends_within_the_limit() {
        assert_eq!(length_after(BULK_MAX as u64 - 1, b"x"), Ok(BULK_MAX));
        assert_eq!(length_after(BULK_MAX as u64, b"x"), Err(Error::TOO_LONG));
        assert_eq!(length_after(i64::MAX as u64, b"x"), Err(Error::TOO_LONG));
    }
}
