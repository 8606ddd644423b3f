//! Publish and subscribe, over the wire.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;

use limpid::protocol::Value;
use support::{Limpid, PATIENCE, RespClient, bulk, encode, eventually, memory_kib, status};

fn int(value: i64) -> Value {
    Value::Int(value)
}

fn message(channel: &str, text: &str) -> Vec<Value> {
    vec![bulk("message"), bulk(channel), bulk(text)]
}

/// The confirmation of a subscription, as RESP2 spells it.
fn confirmed(verb: &str, name: &str, count: i64) -> Value {
    Value::Array(vec![bulk(verb), bulk(name), int(count)])
}

#[test]
fn subscriptions_are_confirmed_one_by_one() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.send(&["SUBSCRIBE", "a", "b", "a"]);
    for (name, count) in [("a", 1), ("b", 2), ("a", 2)] {
        assert_eq!(c.read(), confirmed("subscribe", name, count));
    }
    c.check("PSUBSCRIBE a*", confirmed("psubscribe", "a*", 3));
    c.check("SSUBSCRIBE a", confirmed("ssubscribe", "a", 1));
    c.check("UNSUBSCRIBE b", confirmed("unsubscribe", "b", 2));
    c.check("UNSUBSCRIBE nosuch", confirmed("unsubscribe", "nosuch", 2));
    c.check("UNSUBSCRIBE", confirmed("unsubscribe", "a", 1));
    c.check("UNSUBSCRIBE", Value::Array(vec![bulk("unsubscribe"), Value::Null, int(1)]));
    c.check("PUNSUBSCRIBE", confirmed("punsubscribe", "a*", 0));
    c.check("SUNSUBSCRIBE", confirmed("sunsubscribe", "a", 0));
    c.check("GET k", Value::Null);
}

#[test]
fn a_message_reaches_each_subscription_once() {
    let server = Limpid::start();
    let (mut c, mut speaker) = (server.resp(), server.resp());
    c.cmd(&["SUBSCRIBE", "news"]);
    c.cmd(&["PSUBSCRIBE", "n*"]);
    c.cmd(&["PSUBSCRIBE", "*s"]);
    c.cmd(&["SSUBSCRIBE", "news"]);
    speaker.check("PUBLISH news hello", int(3));
    assert_eq!(c.read(), Value::Array(message("news", "hello")));
    for pattern in ["*s", "n*"] {
        let expected = vec![bulk("pmessage"), bulk(pattern), bulk("news"), bulk("hello")];
        assert_eq!(c.read(), Value::Array(expected));
    }
    speaker.check("SPUBLISH news sharded", int(1));
    assert_eq!(c.read(), Value::Array(vec![bulk("smessage"), bulk("news"), bulk("sharded")]));
    speaker.check("PUBLISH alone hello", int(0));
    // A channel's name is bytes, and so is what is said there.
    c.send_bytes(b"*2\r\n$9\r\nSUBSCRIBE\r\n$3\r\n\0\r\n\r\n");
    c.read();
    assert_eq!(speaker.cmd_bytes(&[b"PUBLISH", b"\0\r\n", b"\xff\0"]), int(1));
    assert_eq!(c.read(), Value::Array(vec![bulk("message"), bulk(b"\0\r\n"), bulk(b"\xff\0")]));
}

#[test]
fn resp3_tells_messages_from_replies() {
    let server = Limpid::start();
    let (mut c, mut speaker) = (server.resp(), server.resp());
    c.cmd(&["HELLO", "3"]);
    let push = |verb: &str, name: &str, count| Value::Push(vec![bulk(verb), bulk(name), int(count)]);
    c.check("SUBSCRIBE news", push("subscribe", "news", 1));
    // So it may go on asking for other things.
    c.check("SET k v", status("OK"));
    c.check("PING", status("PONG"));
    speaker.check("PUBLISH news hello", int(1));
    assert_eq!(c.read(), Value::Push(message("news", "hello")));
    // In one pipeline, and yet in order.
    c.send_bytes(&[encode(&["PUBLISH", "news", "to myself"]), encode(&["UNSUBSCRIBE"])].concat());
    assert_eq!([c.read(), c.read()], [int(1), Value::Push(message("news", "to myself"))]);
    assert_eq!(c.read(), push("unsubscribe", "news", 0));
}

#[test]
fn hello_changes_how_messages_are_spelled() {
    let server = Limpid::start();
    let (mut c, mut speaker) = (server.resp(), server.resp());
    c.cmd(&["HELLO", "3"]);
    c.cmd(&["SUBSCRIBE", "news"]);
    speaker.check("PUBLISH news hello", int(1));
    assert_eq!(c.read(), Value::Push(message("news", "hello")));
    c.cmd(&["HELLO", "2"]);
    speaker.check("PUBLISH news hello", int(1));
    assert_eq!(c.read(), Value::Array(message("news", "hello")));
}

/// Messages do not wait for the end of a wait, and one that ends while they are sent is not lost.
#[test]
fn a_subscriber_that_waits_for_a_list() {
    const ROUNDS: i64 = 3000;
    let server = Limpid::start();
    let (mut c, mut speaker) = (server.resp(), server.resp());
    c.cmd(&["HELLO", "3"]);
    c.cmd(&["SUBSCRIBE", "news"]);
    c.send(&["BLPOP", "queue", "0"]);
    eventually("it waits", || speaker.info("blocked_clients") == "1");
    for text in ["one", "two"] {
        speaker.check(&format!("PUBLISH news {text}"), int(1));
        assert_eq!(c.read(), Value::Push(message("news", text)));
    }
    speaker.check("RPUSH queue 0", int(1));
    assert_eq!(c.read(), Value::Array(vec![bulk("queue"), bulk("0")]));

    let mut pusher = server.resp();
    let publishing = thread::spawn(move || {
        for round in 0..ROUNDS {
            speaker.check(&format!("PUBLISH news {round}"), int(1));
        }
    });
    let pushing = thread::spawn(move || {
        for round in 0..ROUNDS {
            pusher.cmd(&["RPUSH", "queue", &round.to_string()]);
        }
    });
    let (mut heard, mut taken) = (0, 0);
    c.send(&["BLPOP", "queue", "0.002"]);
    while taken < ROUNDS || heard < ROUNDS {
        match c.read() {
            Value::Push(found) => {
                assert_eq!(found, message("news", &heard.to_string()));
                heard += 1;
                continue;
            }
            Value::Array(found) => {
                assert_eq!(found, vec![bulk("queue"), bulk(taken.to_string())]);
                taken += 1;
            }
            other => assert_eq!(other, Value::Null, "its time was up"),
        }
        c.send(&["BLPOP", "queue", "0.002"]);
    }
    publishing.join().expect("all were heard");
    pushing.join().expect("all were taken");
}

/// More is sent to it than its socket takes, while its request waits: the wait may end, or the client, all the same.
#[test]
fn a_subscriber_that_waits_and_does_not_read() {
    const MESSAGES: usize = 100;
    let server = Limpid::start();
    let mut speaker = server.resp();
    let text = "x".repeat(100_000);
    for killed in [false, true] {
        let mut c = server.resp();
        c.cmd(&["HELLO", "3"]);
        let Value::Int(id) = c.cmd(&["CLIENT", "ID"]) else { panic!("an id is a number") };
        c.cmd(&["SUBSCRIBE", "news"]);
        c.send(&["BLPOP", "queue", "0"]);
        eventually("it waits", || speaker.info("blocked_clients") == "1");
        for _ in 0..MESSAGES {
            assert_eq!(speaker.cmd(&["PUBLISH", "news", &text]), int(1));
        }
        if killed {
            speaker.check(&format!("CLIENT KILL ID {id}"), int(1));
            eventually("it is gone", || speaker.info("connected_clients") == "1");
            assert_eq!(speaker.info("blocked_clients"), "0");
            speaker.check("RPUSH queue job", int(1));
            speaker.check("LLEN queue", int(1));
            continue;
        }
        // Its turn has come, and is taken when the messages are out of the way.
        speaker.check("RPUSH queue job", int(1));
        for _ in 0..MESSAGES {
            assert_eq!(c.read(), Value::Push(message("news", &text)));
        }
        assert_eq!(c.read(), Value::Array(vec![bulk("queue"), bulk("job")]));
        c.check("PING", status("PONG"));
        drop(c);
        eventually("it is gone", || speaker.info("connected_clients") == "1");
    }
}

#[test]
fn a_resp2_subscriber_may_do_little_else() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.cmd(&["SUBSCRIBE", "news"]);
    c.check_error(
        "GET k",
        "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
         context",
    );
    c.check("PING", Value::Array(vec![bulk("pong"), bulk("")]));
    c.check("PING hello", Value::Array(vec![bulk("pong"), bulk("hello")]));
    c.check("RESET", status("RESET"));
    c.check("GET k", Value::Null);
    server.resp().check("PUBLISH news hello", int(0));
    c.cmd(&["SUBSCRIBE", "news"]);
    c.check("QUIT", status("OK"));
    let mut speaker = server.resp();
    eventually("the subscriber is gone", || speaker.cmd(&["PUBLISH", "news", "hello"]) == int(0));
}

#[test]
fn who_listens_to_what() {
    let server = Limpid::start();
    let (mut a, mut b, mut c) = (server.resp(), server.resp(), server.resp());
    for client in [&mut a, &mut b] {
        client.cmd(&["SUBSCRIBE", "both"]);
        client.cmd(&["PSUBSCRIBE", "p*"]);
    }
    a.cmd(&["SUBSCRIBE", "alone"]);
    a.cmd(&["SSUBSCRIBE", "shard"]);
    let Value::Array(mut channels) = c.cmd(&["PUBSUB", "CHANNELS"]) else { panic!("an array") };
    channels.sort_by_key(|name| format!("{name:?}"));
    assert_eq!(channels, [bulk("alone"), bulk("both")]);
    c.check("PUBSUB CHANNELS a*", Value::Array(vec![bulk("alone")]));
    c.check(
        "PUBSUB NUMSUB both alone nosuch",
        Value::Array(vec![bulk("both"), int(2), bulk("alone"), int(1), bulk("nosuch"), int(0)]),
    );
    c.check("PUBSUB NUMPAT", int(1));
    c.check("PUBSUB SHARDCHANNELS", Value::Array(vec![bulk("shard")]));
    c.check("PUBSUB SHARDNUMSUB shard both", Value::Array(vec![bulk("shard"), int(1), bulk("both"), int(0)]));
    c.check("PUBSUB NUMSUB", Value::Array(vec![]));
    drop(a);
    eventually("its subscriptions go with a client", || {
        c.cmd(&["PUBSUB", "NUMSUB", "both"]) == Value::Array(vec![bulk("both"), int(1)])
    });
    c.check("PUBSUB SHARDCHANNELS", Value::Array(vec![]));
}

#[test]
fn subscribing_in_a_transaction() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    for command in ["SET k v", "SUBSCRIBE news", "PUBLISH news hello", "PING"] {
        c.check(command, status("QUEUED"));
    }
    // Redis says the message before EXEC's own reply has an end; here it waits for that end.
    c.send(&["EXEC"]);
    let expected = vec![
        status("OK"),
        confirmed("subscribe", "news", 1),
        int(1),
        Value::Array(vec![bulk("pong"), bulk("")]),
    ];
    assert_eq!(c.read(), Value::Array(expected));
    assert_eq!(c.read(), Value::Array(message("news", "hello")));
}

#[test]
fn lines_for_a_person() {
    let server = Limpid::start();
    let (mut c, mut speaker) = (server.text(), server.text());
    c.check("SUBSCRIBE news", "subscribe news 1");
    c.check("PSUBSCRIBE w*", "psubscribe w* 2");
    speaker.check("PUBLISH news \"hello world\"", "1");
    assert_eq!(c.line(), "message news \"hello world\"");
    speaker.check("PUBLISH weather \"line\\nbreak\"", "1");
    assert_eq!(c.line(), "pmessage w* weather \"line\\nbreak\"");
    c.check_starts("GET k", "ERR Can't execute 'get': only");
    c.check("UNSUBSCRIBE", "unsubscribe news 1");
    c.check("PUNSUBSCRIBE", "punsubscribe w* 0");
    c.check("GET k", "nil");
}

#[test]
fn netcat_tails_a_channel() {
    let server = Limpid::start();
    let mut nc = Command::new("nc")
        .args(["127.0.0.1", &server.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nc is installed (netcat-openbsd)");
    let mut lines = BufReader::new(nc.stdout.take().expect("piped above")).lines();
    let mut next = || lines.next().expect("one more line").expect("text");
    let mut stdin = nc.stdin.take().expect("piped above");
    stdin.write_all(b"SUBSCRIBE chat\n").expect("nc reads");
    assert_eq!(next(), "subscribe chat 1");
    let mut speaker = server.text();
    for number in 0..100 {
        speaker.check(&format!("PUBLISH chat message-{number}"), "1");
    }
    for number in 0..100 {
        assert_eq!(next(), format!("message chat message-{number}"));
    }
    nc.kill().expect("it is our child");
    nc.wait().expect("it is our child");
}

/// A few hundred subscribers hear every message of each speaker, in order.
#[test]
fn fan_out_keeps_each_speakers_order() {
    const SPEAKERS: usize = 4;
    const MESSAGES: usize = 250;
    let server = Limpid::start();
    let mut subscribers: Vec<RespClient> = (0..100).map(|_| server.resp()).collect();
    for (index, subscriber) in subscribers.iter_mut().enumerate() {
        if index % 3 == 0 {
            subscriber.cmd(&["HELLO", "3"]);
        }
        if index % 2 == 0 {
            subscriber.cmd(&["SUBSCRIBE", "all"])
        } else {
            subscriber.cmd(&["PSUBSCRIBE", "a?l"])
        };
    }
    thread::scope(|scope| {
        for speaker in 0..SPEAKERS {
            let mut c = server.resp();
            scope.spawn(move || {
                let text = |number| format!("{speaker}:{number}");
                if speaker % 2 == 0 {
                    for number in 0..MESSAGES {
                        assert_eq!(c.cmd(&["PUBLISH", "all", &text(number)]), int(100));
                    }
                    return;
                }
                // In pipelines, with something else in between.
                let publish = |number| encode(&["PUBLISH", "all", &text(number)]);
                for first in (0..MESSAGES).step_by(50) {
                    let mut requests: Vec<_> = (first..first + 50).map(publish).collect();
                    requests.insert(20, encode(&["ECHO", "x"]));
                    c.send_bytes(&requests.concat());
                    let replies: Vec<_> = requests.iter().map(|_| c.read()).collect();
                    assert_eq!(replies.iter().filter(|&reply| *reply == int(100)).count(), 50);
                }
            });
        }
        for mut subscriber in subscribers {
            scope.spawn(move || {
                let mut heard = [0; SPEAKERS];
                for _ in 0..SPEAKERS * MESSAGES {
                    let (Value::Array(parts) | Value::Push(parts)) = subscriber.read() else {
                        panic!("a message")
                    };
                    let Some(Value::Bulk(text)) = parts.last() else { panic!("a text") };
                    let text = String::from_utf8_lossy(text);
                    let (speaker, number) = text.split_once(':').expect("as it was sent");
                    let speaker: usize = speaker.parse().expect("as it was sent");
                    assert_eq!(number, heard[speaker].to_string(), "of speaker {speaker}");
                    heard[speaker] += 1;
                }
            });
        }
    });
}

#[test]
fn who_wants_no_replies_is_told_of_subscriptions_all_the_same() {
    let server = Limpid::start();
    let (mut c, mut speaker) = (server.resp(), server.resp());
    c.send(&["CLIENT", "REPLY", "OFF"]);
    c.send(&["SET", "k", "v"]);
    c.send(&["SUBSCRIBE", "a"]);
    assert_eq!(c.read(), confirmed("subscribe", "a", 1));
    speaker.check("PUBLISH a hello", int(1));
    assert_eq!(c.read(), Value::Array(message("a", "hello")));
    c.send(&["UNSUBSCRIBE", "a"]);
    assert_eq!(c.read(), confirmed("unsubscribe", "a", 0));
    c.send(&["CLIENT", "REPLY", "ON"]);
    assert_eq!(c.read(), status("OK"));
    c.send(&["CLIENT", "REPLY", "SKIP"]);
    c.send(&["SSUBSCRIBE", "a"]);
    assert_eq!(c.read(), confirmed("ssubscribe", "a", 1));
    c.check("SUNSUBSCRIBE", confirmed("sunsubscribe", "a", 0));
    c.check("GET k", bulk("v"));
}

/// Whoever does not read is closed at its limit; those who do read hear everything meanwhile.
#[test]
fn a_slow_subscriber_costs_nobody_else() {
    let server = Limpid::start();
    let (mut slow, mut fast, mut speaker) = (server.resp(), server.resp(), server.resp());
    slow.cmd(&["SUBSCRIBE", "flood"]);
    fast.cmd(&["SUBSCRIBE", "flood"]);
    let before = memory_kib(server.pid());
    let payload = "x".repeat(1 << 20);
    let mut sent = 0;
    while speaker.cmd(&["PUBLISH", "flood", &payload]) == int(2) {
        assert_eq!(fast.read(), Value::Array(message("flood", &payload)));
        sent += 1;
        assert!(sent < 200, "the slow one is closed long before");
    }
    assert_eq!(fast.read(), Value::Array(message("flood", &payload)));
    assert!(sent >= 32, "not before its limit of 32 MiB: {sent}");
    let grown = memory_kib(server.pid()).saturating_sub(before);
    assert!(grown < 150 << 10, "{grown} KiB for one slow subscriber");
    slow.stream().set_read_timeout(Some(PATIENCE)).expect("a connected socket");
    while slow.try_read().is_ok() {}
}

/// Subscribers come, listen for a while and vanish, while others speak: nobody is missed and nothing is left behind.
#[test]
fn subscribers_come_and_go() {
    let server = Limpid::start();
    thread::scope(|scope| {
        for who in 0..4 {
            let address = server.address();
            scope.spawn(move || {
                for round in 0..60 {
                    let mut c = RespClient::connect(address);
                    let own = format!("own:{who}");
                    c.cmd(&["SUBSCRIBE", "shared"]);
                    c.send(&["SUBSCRIBE", &own]);
                    while c.read() != confirmed("subscribe", &own, 2) {}
                    RespClient::connect(address).cmd(&["PUBLISH", &own, &round.to_string()]);
                    loop {
                        let Value::Array(parts) = c.read() else { panic!("a message") };
                        if parts[1] == bulk(&own) {
                            assert_eq!(parts[2], bulk(round.to_string()));
                            break;
                        }
                    }
                }
            });
        }
        let mut speaker = server.resp();
        for _ in 0..500 {
            speaker.cmd(&["PUBLISH", "shared", "hello"]);
        }
    });
    let mut c = server.resp();
    eventually("no subscription is left", || c.cmd(&["PUBSUB", "CHANNELS"]) == Value::Array(vec![]));
}
