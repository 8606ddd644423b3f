//! What the parser hands on: requests as ranges of the bytes they arrived in.
//!
//! ```text
//!   bytes     S E T   k   v \n G E T   k \n
//!             0     3 4 5 6 7  8     11 12 13
//!   spans     0..3  4..5  6..7  8..11  12..13
//!   requests  { first: 0, count: 3 }   { first: 3, count: 2 }
//! ```

use super::fault::Fault;
use std::fmt;

/// How a request was written, and so how its reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A line that ends in a bare `\n`.
    Text,
    /// A line that ends in `\r\n`, as Redis takes commands from telnet.
    Inline,
    /// A RESP array of bulk strings.
    Resp,
}

/// A range of the bytes that a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The same range, seen from `distance` bytes further left.
    pub(super) fn forward(self, distance: u32) -> Self {
        Self { start: self.start + distance, end: self.end + distance }
    }

    pub(super) fn back(self, distance: u32) -> Self {
        Self { start: self.start - distance, end: self.end - distance }
    }
}

/// One request: `spans[first..first + count]` are its words. A faulty one has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub form: Form,
    pub first: u32,
    pub count: u32,
    pub fault: Option<Fault>,
}

const _: () = assert!(size_of::<Request>() <= 12, "they go from one core to another with each batch");

/// Requests, and the bytes that their words lie in. Recycled: clearing keeps the room.
#[derive(Debug, Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    pub spans: Vec<Span>,
    pub requests: Vec<Request>,
}

impl Batch {
    /// The words of one of this batch's requests.
    pub fn words(&self, request: &Request) -> Words<'_> {
        let spans = &self.spans[request.first as usize..][..request.count as usize];
        Words::new(&self.bytes, spans, request.form)
    }
}

/// The words of one request; the first is the command's name.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    form: Form,
}

impl<'a> Words<'a> {
    pub fn new(bytes: &'a [u8], spans: &'a [Span], form: Form) -> Self {
        Self { bytes, spans, form }
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The word at `index`, which must be less than [`Words::len`].
    #[inline]
    pub fn get(&self, index: usize) -> &'a [u8] {
        let Span { start, end } = self.spans[index];
        &self.bytes[start as usize..end as usize]
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| &bytes[span.start as usize..span.end as usize])
    }

    pub fn form(&self) -> Form {
        self.form
    }
}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(<[u8]>::escape_ascii).map(|word| word.to_string())).finish()
    }
}

/// Words that outlive the batch they came in: the queue of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedWords {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    form: Form,
}

impl OwnedWords {
    pub fn new(form: Form) -> Self {
        Self { bytes: Vec::new(), spans: Vec::new(), form }
    }

    /// These words, as if they had come in a line of plain text.
    #[cfg(test)]
    pub fn from_words<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Self {
        let mut owned = Self::new(Form::Text);
        words.into_iter().for_each(|word| owned.push(word.as_ref()));
        owned
    }

    pub fn push(&mut self, word: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(word);
        self.spans.push(Span { start, end: self.bytes.len() as u32 });
    }

    /// Appends all words of a request.
    pub fn push_words(&mut self, words: Words<'_>) {
        words.iter().for_each(|word| self.push(word));
    }

    pub fn words(&self) -> Words<'_> {
        Words::new(&self.bytes, &self.spans, self.form)
    }

    /// Bytes held, for accounting.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&self.spans[..])
    }
}

impl From<Words<'_>> for OwnedWords {
    fn from(words: Words<'_>) -> Self {
        let mut owned = Self::new(words.form());
        owned.bytes.reserve_exact(words.iter().map(<[u8]>::len).sum());
        owned.spans.reserve_exact(words.len());
        owned.push_words(words);
        owned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_words_are_those_of_the_request() {
        let spans = [Span { start: 4, end: 7 }, Span { start: 8, end: 8 }, Span { start: 8, end: 9 }];
        let words = Words::new(b"....GET.k", &spans, Form::Inline);
        let mut owned = OwnedWords::from(words);
        assert_eq!(owned, OwnedWords { form: Form::Inline, ..OwnedWords::from_words(["GET", "", "k"]) });
        assert_eq!(owned.words().iter().collect::<Vec<_>>(), [&b"GET"[..], b"", b"k"]);
        owned.push_words(words);
        owned.push(b"last");
        assert_eq!(
            (owned.words().len(), owned.words().get(3), owned.words().get(6)),
            (7, &b"GET"[..], &b"last"[..])
        );
        assert_eq!(format!("{words:?}"), r#"["GET", "", "k"]"#);
    }
}
