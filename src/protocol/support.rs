//! For tests: the requests in some bytes, however these are cut, and the bytes of some replies.

use super::{Fault, Form, Limits, Parser, Reply, Wire, Words};
use proptest::prelude::*;

/// A request by value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Read {
    pub form: Form,
    pub words: Vec<Vec<u8>>,
    pub fault: Option<Fault>,
}

/// What `input` holds when it comes at once.
pub(super) fn read(input: &[u8]) -> Vec<Read> {
    read_pieces(input, &[], &Limits::default())
}

/// The words of the one request in this line.
pub(super) fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let mut read = read(&[line, b"\n"].concat());
    assert_eq!(read.len(), 1, "one request: {}", line.escape_ascii());
    read.remove(0).words
}

/// What `input` holds when it comes in pieces that end at `cuts` (taken modulo its length). Complete
/// requests leave the buffer after some pieces and stay after others.
pub(super) fn read_pieces(input: &[u8], cuts: &[usize], limits: &Limits) -> Vec<Read> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    cuts.push(input.len());
    cuts.sort_unstable();
    let (mut parser, mut buffer, mut filled) = (Parser::new(), Vec::new(), 0);
    let (mut read, mut spans, mut requests) = (Vec::new(), Vec::new(), Vec::new());
    for (piece, cut) in cuts.into_iter().enumerate() {
        buffer.extend_from_slice(&input[filled..cut]);
        filled = cut;
        let consumed = parser.parse(&mut buffer, &mut spans, &mut requests, limits);
        assert!(parser.wanted() == 0 || consumed < buffer.len(), "what is consumed is complete");
        let words: u32 = requests.iter().map(|request| request.count).sum();
        assert_eq!(words as usize, spans.len(), "a faulty request leaves no words");
        read.extend(requests.drain(..).map(|request| {
            let spans = &spans[request.first as usize..][..request.count as usize];
            let words = Words::new(&buffer, spans, request.form);
            let words = words.iter().map(<[u8]>::to_vec).collect();
            Read { form: request.form, words, fault: request.fault }
        }));
        spans.clear();
        if piece % 3 != 1 {
            buffer.drain(..consumed);
            parser.rebase(consumed);
        }
    }
    read
}

/// What these replies come to.
pub(super) fn spelled(wire: Wire, write: impl FnOnce(&mut Reply<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Reply::new(&mut out, wire));
    out
}

/// Short byte strings, most of them full of what a reply has to watch.
pub(super) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let text = r#"[a-c nilER"'\\()#*\nü]{0,6}"#.prop_map(String::into_bytes);
    prop_oneof![3 => text, 1 => prop::collection::vec(any::<u8>(), 0..6)]
}
