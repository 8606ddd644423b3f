//! The order itself, and the part of it that was asked for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use super::options::{By, Options};
use super::{Elements, text};
use crate::command::error::Error;
use crate::data::packed::Element;
use crate::data::zset::parse_float;
use crate::keyspace::View;

const NO_NUMBER: Error = Error::fixed("ERR One or more scores can't be converted into double");

pub fn in_order<'v>(
    view: &'v View,
    elements: Elements<'v>,
    options: &Options,
) -> Result<Vec<Element<'v>>, Error> {
    let Elements { mut all, has_order } = elements;
    match &options.by {
        By::Nothing if has_order => {
            if options.descending {
                all.reverse();
            }
        }
        // A stored list must not depend on how a set happens to lie.
        By::Nothing if options.store.is_some() => sort_by_text(&mut all, options.descending),
        By::Nothing => {}
        By::Element if options.alpha => sort_by_text(&mut all, options.descending),
        By::Element => {
            let weight = |element: &Element<'v>| number(&text(*element));
            sort_by_number(&mut all, weight, options.descending)?;
        }
        By::Pattern(pattern) if options.alpha => {
            let mut weighed: Vec<(Option<Cow<[u8]>>, Element)> =
                all.iter().map(|element| (pattern.look_up(view, &text(*element)), *element)).collect();
            // Those without a value come first.
            weighed.sort_by(|(a, _), (b, _)| directed(a.cmp(b), options.descending));
            all = weighed.into_iter().map(|(_, element)| element).collect();
        }
        By::Pattern(pattern) => {
            // What has no value weighs nothing.
            let weight = |element: &Element<'v>| match pattern.look_up(view, &text(*element)) {
                Some(value) => number(&value),
                None => Some(0.0),
            };
            sort_by_number(&mut all, weight, options.descending)?;
        }
    }
    Ok(all.drain(range(options.limit, all.len())).collect())
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

fn sort_by_text(all: &mut [Element<'_>], descending: bool) {
    all.sort_by(|a, b| directed(text(*a).cmp(&text(*b)), descending));
}

/// Equal weights are told apart by the elements' texts.
fn sort_by_number<'v>(
    all: &mut Vec<Element<'v>>,
    weight: impl Fn(&Element<'v>) -> Option<f64>,
    descending: bool,
) -> Result<(), Error> {
    let weigh = |element: &Element<'v>| weight(element).map(|weight| (weight, *element));
    let mut weighed = all.iter().map(weigh).collect::<Option<Vec<_>>>().ok_or(NO_NUMBER)?;
    weighed.sort_by(|(a, x), (b, y)| {
        // No weight is NaN, and the two zeros are equal.
        let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
        directed(order.then_with(|| text(*x).cmp(&text(*y))), descending)
    });
    *all = weighed.into_iter().map(|(_, element)| element).collect();
    Ok(())
}

/// As C's `strtod`: space may lead, a zero byte ends the text, nothing at all is zero, and what is too large is no number.
fn number(text: &[u8]) -> Option<f64> {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    let text = std::str::from_utf8(&text[..end]).ok()?;
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    if text.is_empty() {
        return Some(0.0);
    }
    let number = parse_float(text)?;
    let overflows = number.is_infinite() && text.contains(|c: char| c.is_ascii_digit());
    (!overflows).then_some(number)
}

fn range((start, count): (i64, i64), len: usize) -> Range<usize> {
    let start = usize::try_from(start.max(0)).unwrap_or(len).min(len);
    let count = usize::try_from(count).unwrap_or(len);
    start..start.saturating_add(count).min(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_c_reads_them() {
        for (text, value) in [
            ("1", 1.0),
            ("", 0.0),
            (" \t-2.5", -2.5),
            ("1\0x", 1.0),
            ("inf", f64::INFINITY),
            ("0x10", 16.0),
            ("1e3", 1e3),
        ] {
            assert_eq!(number(text.as_bytes()), Some(value), "{text:?}");
        }
        for text in ["a", "1 ", "nan", "1e400", "-1e999", "1,5"] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn limits_are_cut_to_what_there_is() {
        assert_eq!(range((0, -1), 3), 0..3);
        assert_eq!(range((1, 1), 3), 1..2);
        assert_eq!(range((-5, 2), 3), 0..2);
        assert_eq!(range((3, 1), 3), 3..3);
        assert_eq!(range((9, -1), 3), 3..3);
        assert_eq!(range((1, 0), 3), 1..1);
        assert_eq!(range((i64::MAX, i64::MAX), 3), 3..3);
    }
}
