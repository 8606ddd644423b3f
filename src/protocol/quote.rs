//! A word as a line takes it back: bare where it can be, else in double quotes.
//!
//! Whatever is valid UTF-8 and no control character stays readable, so `Jürgen` is `Jürgen` in the log
//! and in replies, and a line never holds a byte that a terminal would act on.

/// Appends a word such that the line parser reads it back, in a record or a request.
///
/// What starts a line (at the start of `out`, or after `\n`) must not look like a comment or RESP either.
pub fn push_word(out: &mut Vec<u8>, word: &[u8]) {
    let starts_line = matches!(word, [b'#' | b'*', ..]) && matches!(out.last(), None | Some(b'\n'));
    if starts_line || needs_quotes_in_record(word) {
        push_quoted(out, word);
    } else {
        out.extend_from_slice(word);
    }
}

/// Whether a word cannot stand bare among others in a line.
pub fn needs_quotes_in_record(word: &[u8]) -> bool {
    let mut found = 0;
    for &byte in word {
        found |= u8::from(byte <= b' ') | u8::from(byte == b'"') | u8::from(byte == b'\'');
        found |= u8::from(byte >= 0x7f) << 1;
    }
    word.is_empty() || found & 1 != 0 || (found != 0 && !is_printable(word))
}

/// Whether a word holds what no line may show as it is: control characters, or bytes that are not UTF-8.
pub fn needs_escapes(word: &[u8]) -> bool {
    let mut found = 0;
    for &byte in word {
        found |= u8::from(byte < b' ') | u8::from(byte >= 0x7f) << 1;
    }
    found & 1 != 0 || (found != 0 && !is_printable(word))
}

#[cold]
fn is_printable(word: &[u8]) -> bool {
    str::from_utf8(word).is_ok_and(|text| !text.contains(char::is_control))
}

/// Appends a word in double quotes.
#[cold]
pub fn push_quoted(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for chunk in word.utf8_chunks() {
        for char in chunk.valid().chars() {
            push_char(out, char);
        }
        chunk.invalid().iter().for_each(|&byte| push_hex(out, byte));
    }
    out.push(b'"');
}

fn push_char(out: &mut Vec<u8>, char: char) {
    let mut utf8 = [0; 4];
    let utf8 = char.encode_utf8(&mut utf8).as_bytes();
    match char {
        '"' | '\\' => out.extend_from_slice(&[b'\\', char as u8]),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\x08' => out.extend_from_slice(b"\\b"),
        '\x07' => out.extend_from_slice(b"\\a"),
        _ if char.is_control() => utf8.iter().for_each(|&byte| push_hex(out, byte)),
        _ => out.extend_from_slice(utf8),
    }
}

fn push_hex(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[b'\\', b'x', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}
