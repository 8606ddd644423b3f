//! A single line into words, by the grammar that requests are read with: what is typed, and what a file of directives says.

use super::copied_words;

/// The words of a line; none for an empty line or a comment.
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let words = copied_words(&mut line.trim_ascii().to_vec()).map_err(|_| "unbalanced quotes")?;
    Ok(words.words().iter().map(<[u8]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_the_server_does() {
        let words = split(b"  SET k \"a\\nb\" 'c d' \r\n").expect("balanced");
        assert_eq!(words, [&b"SET"[..], b"k", b"a\nb", b"c d"]);
    }

    #[test]
    fn a_star_is_only_a_word() {
        assert_eq!(split(b"*3").expect("balanced"), [b"*3"]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        for line in [&b""[..], b" \t\r\n", b"# a comment \"", b"\n"] {
            assert_eq!(split(line), Ok(Vec::new()));
        }
    }

    #[test]
    fn quotes_must_balance() {
        assert!(split(b"SET k \"v").is_err());
        assert!(split(b"SET k 'v'w").is_err());
    }

    #[test]
    fn a_line_may_be_long() {
        let line = [b"SET k ", &b"x".repeat(1 << 20)[..]].concat();
        assert_eq!(split(&line).expect("balanced")[2].len(), 1 << 20);
    }
}
