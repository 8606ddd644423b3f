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
    word.is_empty() || holds(word, |byte| (byte <= b' ') | (byte == b'"') | (byte == b'\''))
}

/// Whether a word holds what no line may show as it is: control characters, or bytes that are not UTF-8.
pub fn needs_escapes(word: &[u8]) -> bool {
    holds(word, |byte| byte < b' ')
}

/// Whether a word holds one of the `special` ASCII characters, or anything unprintable.
///
/// Without a way out of the loop, the compiler looks at many bytes at once.
#[inline]
fn holds(word: &[u8], special: impl Fn(u8) -> bool) -> bool {
    let (mut found, mut beyond_ascii) = (0, 0);
    for &byte in word {
        found |= u8::from(special(byte));
        beyond_ascii |= u8::from(byte >= 0x7f);
    }
    found != 0 || (beyond_ascii != 0 && !is_printable(word))
}

#[cold]
fn is_printable(word: &[u8]) -> bool {
    str::from_utf8(word).is_ok_and(|text| !text.contains(char::is_control))
}

/// A word of this length gets room for its longest form at once. Room that is not written to costs no memory, but a text
/// that outgrows its room is copied, and lies there twice meanwhile.
const LONG_WORD: usize = 1 << 20;

/// Appends a word in double quotes.
pub fn push_quoted(out: &mut Vec<u8>, word: &[u8]) {
    if word.len() >= LONG_WORD {
        out.reserve(word.len().saturating_mul(r"\xff".len()));
    }
    out.push(b'"');
    for chunk in word.utf8_chunks() {
        let text = chunk.valid();
        let mut copied = 0;
        for (at, special) in text.match_indices(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
            out.extend_from_slice(&text.as_bytes()[copied..at]);
            push_escaped(out, special);
            copied = at + special.len();
        }
        out.extend_from_slice(&text.as_bytes()[copied..]);
        chunk.invalid().iter().for_each(|&byte| push_hex(out, byte));
    }
    out.push(b'"');
}

/// Appends the escape for one character.
fn push_escaped(out: &mut Vec<u8>, character: &str) {
    match character {
        "\"" => out.extend_from_slice(b"\\\""),
        "\\" => out.extend_from_slice(b"\\\\"),
        "\n" => out.extend_from_slice(b"\\n"),
        "\r" => out.extend_from_slice(b"\\r"),
        "\t" => out.extend_from_slice(b"\\t"),
        "\x08" => out.extend_from_slice(b"\\b"),
        "\x07" => out.extend_from_slice(b"\\a"),
        other => other.bytes().for_each(|byte| push_hex(out, byte)),
    }
}

fn push_hex(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[b'\\', b'x', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::support::read;
    use proptest::prelude::*;

    fn line(words: &[impl AsRef<[u8]>]) -> Vec<u8> {
        let mut line = Vec::new();
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                line.push(b' ');
            }
            push_word(&mut line, word.as_ref());
        }
        line
    }

    #[track_caller]
    fn check(word: &[u8], written: &str) {
        assert_eq!(String::from_utf8_lossy(&line(&[b"SET", word])[4..]), written);
        assert_eq!(needs_quotes_in_record(word), written.starts_with('"'));
    }

    #[test]
    fn most_words_stand_bare() {
        for word in [
            "user:1",
            "Jürgen",
            "日本語🦀",
            "a\\nb",
            "#",
            "*",
            "(x)",
            "nil",
            "~",
            "a-very-long-word-without-a-blank",
        ] {
            check(word.as_bytes(), word);
        }
    }

    #[test]
    fn others_are_quoted() {
        check(b"", r#""""#);
        check(b"Jane Doe", r#""Jane Doe""#);
        check("Jürgen Größer".as_bytes(), r#""Jürgen Größer""#);
        check(b"it's", r#""it's""#);
        check(b"say \"\\\"", r#""say \"\\\"""#);
        check(b"\n\r\t\x08\x07\0\x1b\x7f", r#""\n\r\t\b\a\x00\x1b\x7f""#);
        check(b"\x7f", r#""\x7f""#);
        check(b"\xc3\xbc\xc3", r#""ü\xc3""#);
        check("\u{85}".as_bytes(), r#""\xc2\x85""#);
    }

    #[test]
    fn a_line_never_starts_as_a_comment_or_an_array() {
        assert_eq!(line(&["#x", "#x"]), br##""#x" #x"##);
        assert_eq!(line(&["*1", "*1"]), br#""*1" *1"#);
        let mut log = b"PING\n".to_vec();
        push_word(&mut log, b"#");
        assert_eq!(log, b"PING\n\"#\"");
    }

    fn word() -> impl Strategy<Value = Vec<u8>> {
        let text = r#"[a-c \t\n"'\\#*xü\u{85}]{0,6}"#.prop_map(String::into_bytes);
        prop_oneof![text, prop::collection::vec(any::<u8>(), 0..20)]
    }

    proptest! {
        #[test]
        fn words_read_back(words in prop::collection::vec(word(), 1..5), inline: bool) {
            let mut line = line(&words);
            prop_assert!(!line.iter().any(u8::is_ascii_control));
            prop_assert!(str::from_utf8(&line).is_ok());
            line.extend_from_slice(if inline { b"\r\n" } else { b"\n" });
            let read = read(&line);
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(&read[0].words, &words);
        }
    }
}
