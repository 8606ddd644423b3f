//! One log file, cut into commit groups as it streams by. Holds one group in memory, never the file.

use super::mark::{self, COMMIT, Mark};
use crc32fast::Hasher;
use memchr::{memchr, memchr_iter, memmem};
use std::io::{self, Read};

/// Bytes asked of the file at a time.
const READ_BYTES: usize = 1 << 20;

/// Reads a file group by group. Judges each group by itself; whether the groups follow from
/// one another is for the caller to say.
pub struct Groups<'s> {
    input: Box<dyn Read + Send + 's>,
    /// Bytes of the file from `at` on: the group to come begins at `start`.
    buffer: Vec<u8>,
    start: usize,
    at: Position,
    end_of_file: bool,
    next_mark: memmem::Finder<'static>,
}

/// A place in a file, always the start of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub offset: u64,
    /// Counted from 1.
    pub line: u64,
}

impl Position {
    pub const START: Position = Position { offset: 0, line: 1 };

    fn after(self, text: &[u8]) -> Position {
        Position {
            offset: self.offset + text.len() as u64,
            line: self.line + memchr_iter(b'\n', text).count() as u64,
        }
    }
}

/// Everything after one mark's line up to the next mark's line and with it.
pub struct Group<'a> {
    pub at: Position,
    /// The lines before the mark, the last one's end included.
    pub text: &'a mut [u8],
    /// The mark's line, without its end.
    pub mark_line: &'a [u8],
    pub mark_at: Position,
    /// With the mark's line.
    pub size_bytes: u64,
    pub mark: Mark,
    /// The checksum is right.
    pub sound: bool,
}

impl<'s> Groups<'s> {
    pub fn new(input: Box<dyn Read + Send + 's>) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            start: 0,
            at: Position::START,
            end_of_file: false,
            next_mark: memmem::Finder::new(b"\n#commit "),
        }
    }

    /// Where the next group starts; after the last one, where the tail without a mark starts.
    pub fn position(&self) -> Position {
        self.at
    }

    /// What follows the last mark; meaningful once `next` has returned `None`.
    pub fn tail(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub fn next(&mut self) -> io::Result<Option<Group<'_>>> {
        let Some((text, line, mark)) = self.find_mark()? else { return Ok(None) };
        let whole = &mut self.buffer[self.start..self.start + text + line];
        let size_bytes = whole.len() as u64;
        let (text, mark_line) = whole.split_at_mut(text);
        let mark_line = &mark_line[..line - 1];
        let at = self.at;
        let mark_at = at.after(text);
        let sound = checksum(text, mark_line) == mark.checksum;
        self.start += size_bytes as usize;
        self.at = Position { offset: at.offset + size_bytes, line: mark_at.line + 1 };
        Ok(Some(Group { at, text, mark_line, mark_at, size_bytes, mark, sound }))
    }

    /// The lengths of the text up to the next mark and of the mark's line, both whole in the buffer. A line that
    /// only begins like a mark is not one; a line that has lost its end may hold two.
    fn find_mark(&mut self) -> io::Result<Option<(usize, usize, Mark)>> {
        let mut searched = 0;
        loop {
            let rest = &self.buffer[self.start..];
            let text = match searched == 0 && rest.starts_with(COMMIT) {
                true => Some(0),
                false => self.next_mark.find(&rest[searched..]).map(|found| searched + found + 1),
            };
            let line_end = text.and_then(|text| memchr(b'\n', &rest[text..]));
            if let (Some(text), Some(line_end)) = (text, line_end) {
                if let Some((_, mark)) = last_mark(&rest[text..text + line_end]) {
                    return Ok(Some((text, line_end + 1, mark)));
                }
                searched = text + line_end;
                continue;
            }
            // The mark's line, or the start of one, may be there without its end.
            searched = match text {
                Some(text) => text.saturating_sub(1),
                None => rest.len().saturating_sub(COMMIT.len()).max(searched),
            };
            if self.end_of_file {
                return Ok(None);
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        // A group longer than one reading doubles what is asked for, so that it is found in few steps.
        let wanted = self.buffer.len().max(READ_BYTES) as u64;
        let read = (&mut self.input).take(wanted).read_to_end(&mut self.buffer)?;
        self.end_of_file = read == 0;
        Ok(())
    }
}

fn checksum(text: &[u8], mark_line: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(text);
    hasher.update(mark::covered(mark_line));
    hasher.finalize()
}

/// The mark at the end of a line, and where in the line it begins: at 0, unless something is wrong.
fn last_mark(line: &[u8]) -> Option<(usize, Mark)> {
    let at = memmem::rfind(line, COMMIT)?;
    Some((at, Mark::parse(&line[at..])?))
}

/// Where a mark is damaged, its group and the next one are read as one bad group. Finds the text of the
/// one that is sound, if that is what happened.
pub fn sound_end(group: &Group<'_>) -> Option<Vec<u8>> {
    let (in_line, mark) = last_mark(group.mark_line)?;
    let mark_at = group.text.len() + in_line;
    let whole = [&*group.text, mark::covered(group.mark_line)].concat();
    let total = crc32fast::hash(&whole);
    let (mut before, mut seen) = (Hasher::new(), 0);
    for start in possible_starts(&whole, mark_at) {
        before.update(&whole[seen..start]);
        seen = start;
        if end_checksum(total, before.clone(), whole.len() - start) == mark.checksum {
            return Some(whole[start..mark_at].to_vec());
        }
    }
    None
}

/// Where a group may begin, of which the mark is at `mark_at`: at a line, or behind a mark whose line end is lost.
fn possible_starts(whole: &[u8], mark_at: usize) -> Vec<usize> {
    let lines = memchr_iter(b'\n', whole).map(|end| end + 1);
    let marks = memmem::find_iter(whole, COMMIT);
    let behind_marks = marks.filter_map(|at| {
        let ms_end = memchr_iter(b' ', &whole[at..]).nth(2)?;
        Some(at + ms_end + 1 + mark::CHECKSUM_DIGITS + 1)
    });
    let mut starts: Vec<usize> = lines.chain(behind_marks).chain([mark_at]).collect();
    starts.retain(|&start| start <= mark_at);
    starts.sort_unstable();
    starts
}

/// The checksum of the last `length` bytes of something, from that of the whole and of what comes before them:
/// quicker than reading them again for each possible start.
fn end_checksum(total: u32, mut before: Hasher, length: usize) -> u32 {
    before.combine(&Hasher::new_with_initial_len(0, length as u64));
    total ^ before.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out few bytes at a time, so that every boundary falls inside something.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn file(groups: &[&str]) -> Vec<u8> {
        let mut file = Vec::new();
        for (at, text) in groups.iter().enumerate() {
            let mut group = text.as_bytes().to_vec();
            mark::push(&mut group, &crc32fast::Hasher::new(), at as u64 + 1, 1000);
            file.extend(group);
        }
        file
    }

    #[test]
    fn cuts_a_file_at_its_marks() {
        let mut bytes = file(&["# limpid aof 1\nSET a 1\n", "", "SET b 2\nSET c 3\n"]);
        bytes.extend_from_slice(b"SET torn");
        for step in [1, 7, 1000] {
            let mut groups = Groups::new(Box::new(Dribble(&bytes, step)));
            let mut seen = Vec::new();
            while let Some(group) = groups.next().unwrap() {
                assert!(group.sound);
                seen.push((
                    group.at.line,
                    group.mark_at.line,
                    String::from_utf8_lossy(&*group.text).into_owned(),
                ));
            }
            let expected = [
                (1, 3, "# limpid aof 1\nSET a 1\n".to_owned()),
                (4, 4, String::new()),
                (5, 7, "SET b 2\nSET c 3\n".to_owned()),
            ];
            assert_eq!(seen, expected);
            assert_eq!(groups.tail(), b"SET torn");
            assert_eq!(groups.position(), Position { offset: bytes.len() as u64 - 8, line: 8 });
        }
    }

    #[test]
    fn any_flipped_bit_spoils_its_group_only() {
        let bytes = file(&["SET a 1\n", "SET b 2\n", "SET c 3\n"]);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            let mut groups = Groups::new(Box::new(&flipped[..]));
            let mut sound = 0;
            while let Some(group) = groups.next().unwrap() {
                sound += usize::from(group.sound);
            }
            // A mark that is no longer recognised takes the group after it along.
            assert!((1..=2).contains(&sound), "byte {at}: {sound} sound groups");
        }
    }

    #[test]
    fn a_sound_group_is_found_behind_a_lost_mark() {
        let second = "SET b 2\nSET c 3\n";
        for second in [second, ""] {
            let bytes = file(&["SET a 1\n", second]);
            let mark = memmem::find(&bytes, COMMIT).unwrap();
            let mark_end = mark + memchr(b'\n', &bytes[mark..]).unwrap();
            for at in mark..=mark_end {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1;
                let mut groups = Groups::new(Box::new(&flipped[..]));
                let group = groups.next().unwrap().unwrap();
                assert!(!group.sound);
                let both = group.size_bytes as usize == bytes.len();
                assert_eq!(sound_end(&group), both.then(|| second.as_bytes().to_vec()), "byte {at}");
            }
        }
    }
}
