//! What parsing one request and writing one reply cost.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use limpid::protocol::quote::{needs_quotes_in_record, push_word};
use limpid::protocol::{Batch, Limits, Parser, Reply, Wire, decode};
use std::hint::black_box;

const KEY: &str = "user:00000012345";
const PIPELINE_BYTES: usize = 64 << 10;

fn value() -> String {
    "0123456789abcdef".repeat(4)
}

fn resp(words: &[&str]) -> Vec<u8> {
    let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let words: Vec<String> = words.collect();
    format!("*{}\r\n{}", words.len(), words.concat()).into_bytes()
}

fn line(words: &[&str]) -> Vec<u8> {
    (words.join(" ") + "\n").into_bytes()
}

/// Parses all of `input` again and again, as a connection with recycled buffers does.
fn parse(c: &mut Criterion, name: &str, input: Vec<u8>) {
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(input.len() as u64));
    let (mut parser, limits) = (Parser::new(), Limits::default());
    let mut batch = Batch { bytes: input, ..Batch::default() };
    group.bench_function(name, |b| {
        b.iter(|| {
            let Batch { bytes, spans, requests } = &mut batch;
            spans.clear();
            requests.clear();
            let consumed = parser.parse(black_box(bytes), spans, requests, &limits);
            parser.rebase(consumed);
            consumed
        })
    });
    group.finish();
}

/// Parses `input` as it comes in pieces, none of which leaves before the end.
fn parse_pieces(c: &mut Criterion, name: &str, input: Vec<u8>, piece_bytes: usize) {
    let limits = Limits::default();
    let mut group = c.benchmark_group("parse in pieces");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            || (Parser::new(), Batch { bytes: input.clone(), ..Batch::default() }),
            |(parser, Batch { bytes, spans, requests })| {
                for end in (0..bytes.len()).step_by(piece_bytes) {
                    parser.parse(&mut bytes[..end], spans, requests, &limits);
                }
                parser.parse(bytes, spans, requests, &limits)
            },
            BatchSize::LargeInput,
        )
    });
    group.finish();
}

fn parsing(c: &mut Criterion) {
    let value = value();
    let (get, set) = (["GET", KEY], ["SET", KEY, &value]);
    parse(c, "resp GET, 16-byte key", resp(&get));
    parse(c, "resp SET, 64-byte value", resp(&set));
    parse(c, "text GET, 16-byte key", line(&get));
    parse(c, "text SET, 64-byte value", line(&set));
    parse(c, "text SET, 64-byte quoted value", line(&["SET", KEY, &format!("\"{value}\"")]));
    let pipeline = |request: Vec<u8>| request.repeat(PIPELINE_BYTES / request.len());
    parse(c, "resp SET, 64 KiB of them", pipeline(resp(&set)));
    parse(c, "resp GET, 64 KiB of them", pipeline(resp(&get)));
    parse(c, "text SET, 64 KiB of them", pipeline(line(&set)));
    parse(c, "text GET, 64 KiB of them", pipeline(line(&get)));
    parse_pieces(c, "text line, byte by byte, 60 kB", line(&["SET", KEY, &value.repeat(930)]), 1);
    parse_pieces(c, "resp, 10,000 words, byte by byte", resp(&[KEY; 10_000]), 1);
}

fn quoting(c: &mut Criterion) {
    let mut group = c.benchmark_group("quote");
    let value = value();
    let mut out = Vec::new();
    for length in [3, 16, 64] {
        let word = &value.as_bytes()[..length];
        group.bench_function(format!("needs_quotes_in_record, {length} bytes"), |b| {
            b.iter(|| needs_quotes_in_record(black_box(word)))
        });
        group.bench_function(format!("push_word, {length} bytes"), |b| {
            b.iter(|| {
                out.clear();
                push_word(&mut out, black_box(word));
            })
        });
    }
    for (name, word) in [("quoted", "0123456 89abcdef"), ("UTF-8", "Jürgen Größer xx")] {
        group.bench_function(format!("push_word, 16 bytes, {name}"), |b| {
            b.iter(|| {
                out.clear();
                push_word(&mut out, black_box(word.as_bytes()));
            })
        });
    }
    group.finish();
}

fn replying(c: &mut Criterion) {
    let mut group = c.benchmark_group("reply");
    let value = value();
    let mut out = Vec::new();
    for wire in [Wire::Text, Wire::Resp2] {
        let mut bench = |name: &str, write: &dyn Fn(&mut Reply<'_>)| {
            group.bench_function(format!("{wire:?} {name}"), |b| {
                b.iter(|| {
                    out.clear();
                    write(&mut Reply::new(black_box(&mut out), wire));
                })
            });
        };
        bench("ok", &|reply| reply.ok());
        bench("int", &|reply| reply.int(black_box(12_345)));
        bench("null", &|reply| reply.null());
        bench("bulk, 64 bytes", &|reply| reply.bulk(value.as_bytes()));
        bench("double", &|reply| reply.double(black_box(0.1)));
        bench("array of 10", &|reply| {
            reply.array(10);
            (0..10).for_each(|_| reply.bulk(KEY.as_bytes()));
        });
    }
    let reply = resp(&[KEY; 10]);
    group.bench_function("decode array of 10", |b| b.iter(|| decode(black_box(&reply))));
    group.finish();
}

criterion_group!(benches, parsing, quoting, replying);
criterion_main!(benches);
