//! Pipelines: requests that use one shard lock it once, and answer as if they had come one by one.

mod support;

use std::thread;

use limpid::protocol::Value;
use support::{Limpid, RespClient, encode};

/// Requests that wait for nothing and whose replies depend on nothing but what came before. `K` is a key.
const REQUESTS: &[&str] = &[
    "SET K v",
    "SET K 7 KEEPTTL",
    "GET K",
    "APPEND K x",
    "INCR K",
    "GETDEL K",
    "EXPIRE K 100",
    "PERSIST K",
    "DEL K",
    "DEL K K",
    "TYPE K",
    "EXISTS K K",
    "RPUSH K a b c",
    "LPOP K",
    "LRANGE K 0 -1",
    "BLPOP K 0.001",
    "RPOPLPUSH K K",
    "SADD K 1 2",
    "SPOP K 9",
    "HSET K f 1 g 2",
    "HGETALL K",
    "ZADD K 1 a 2 b",
    "ZRANGE K 0 -1",
    "MSET K 1 K 2",
    "RENAME K K",
    "COPY K K REPLACE",
    "SORT K ALPHA STORE K",
    "WATCH K",
    "MULTI",
    "EXEC",
    "DBSIZE",
    "GET",
    "NONSENSE K",
    "SELECT 1",
    "SELECT 0",
    "FLUSHALL",
];

/// Numbers that repeat from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Keys share a shard, but for one.
    fn key(&mut self) -> &'static str {
        ["{tag}1", "{tag}1", "{tag}2", "elsewhere"][self.below(4)]
    }

    fn request(&mut self, among: &[&str]) -> Vec<String> {
        let request = among[self.below(among.len())];
        let word = |word| if word == "K" { self.key() } else { word };
        request.split(' ').map(word).map(str::to_owned).collect()
    }
}

fn send(client: &mut RespClient, requests: &[Vec<String>]) {
    client.send_bytes(&requests.iter().flat_map(|request| encode(request)).collect::<Vec<_>>());
}

#[test]
fn a_pipeline_answers_as_its_requests_one_by_one() {
    let [together, alone] = [(); 2].map(|()| Limpid::start());
    let (mut together, mut alone) = (together.resp(), alone.resp());
    let mut random = Random(1);
    for round in 0..300 {
        let requests: Vec<_> = (0..40).map(|_| random.request(REQUESTS)).collect();
        send(&mut together, &requests);
        for request in &requests {
            let words: Vec<&str> = request.iter().map(String::as_str).collect();
            let expected = alone.cmd(&words);
            assert_eq!(together.read(), expected, "round {round}: {request:?}");
        }
    }
}

#[test]
fn pipelines_of_many_never_wait_for_each_other_in_a_circle() {
    let server = Limpid::start();
    thread::scope(|scope| {
        for seed in 0..4 {
            let mut client = server.resp();
            scope.spawn(move || {
                let mut random = Random(seed);
                for _ in 0..200 {
                    let requests: Vec<_> = (0..40).map(|_| random.request(REQUESTS)).collect();
                    send(&mut client, &requests);
                    requests.iter().for_each(|_| drop(client.read()));
                }
            });
        }
    });
}

#[test]
fn what_is_written_while_the_log_is_compacted_again_and_again_is_there_after_a_crash() {
    const ROUNDS: usize = 150;
    let server = Limpid::with(&["--appendfsync", "everysec"]);
    thread::scope(|scope| {
        for writer in 0..3 {
            let mut client = server.resp();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let set = |key| vec!["SET".to_owned(), format!("{writer}:{key}"), round.to_string()];
                    let requests: Vec<_> = (0..200).map(set).collect();
                    send(&mut client, &requests);
                    requests.iter().for_each(|_| drop(client.read()));
                }
                let on_disk = Value::Array(vec![Value::Int(1), Value::Int(0)]);
                assert_eq!(client.cmd(&["WAITAOF", "1", "0", "0"]), on_disk);
            });
        }
        let mut client = server.resp();
        scope.spawn(move || (0..ROUNDS).for_each(|_| drop(client.cmd(&["BGREWRITEAOF"]))));
    });
    let server = Limpid::restarted(&server.crash());
    let mut client = server.resp();
    for writer in 0..3 {
        for key in 0..200 {
            let expected = support::bulk((ROUNDS - 1).to_string());
            assert_eq!(client.cmd(&["GET", &format!("{writer}:{key}")]), expected, "{writer}:{key}");
        }
    }
}
