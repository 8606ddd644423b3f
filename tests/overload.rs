//! Too many clients, clients that do not read, slow commands, full disks: each costs itself and nobody else.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, encode, eventually, memory_kib, peak_kib, status};

/// Writes keys `k0` to `k<count>` in pipelines.
fn fill(server: &Limpid, count: usize, extra: &[&str]) {
    let mut c = server.resp();
    for first in (0..count).step_by(5000) {
        let last = (first + 5000).min(count);
        let mut bytes = Vec::new();
        for i in first..last {
            let (key, value) = (format!("k{i}"), format!("value-{i}"));
            let words: Vec<&str> = [&["SET", &key[..], &value[..]], extra].concat();
            bytes.extend(encode(&words));
        }
        c.send_bytes(&bytes);
        (first..last).for_each(|_| assert_eq!(c.read(), status("OK")));
    }
}

#[test]
fn past_maxclients() {
    let server = Limpid::with(&["--appendonly", "no", "--maxclients", "3"]);
    let mut clients: Vec<_> = (0..3).map(|_| server.text()).collect();
    clients.iter_mut().for_each(|c| c.check("PING", "PONG"));
    for _ in 0..3 {
        let mut said = String::new();
        let mut refused = TcpStream::connect(server.address()).expect("the server listens");
        refused.read_to_string(&mut said).expect("it says why, and closes");
        assert_eq!(said, "-ERR max number of clients reached\r\n");
    }
    clients.iter_mut().for_each(|c| c.check("PING", "PONG"));
    drop(clients.pop());
    eventually("a place is free", || {
        let mut c = TcpStream::connect(server.address()).expect("the server listens");
        let mut said = [0; 5];
        c.write_all(b"PING\n").is_ok() && c.read_exact(&mut said).is_ok() && said == *b"PONG\n"
    });
}

/// It asks for two gigabytes and takes nothing.
#[test]
fn a_client_that_never_reads() {
    let server = Limpid::start();
    let value = "x".repeat(100_000);
    let mut c = server.resp();
    c.cmd(&["SET", "big", &value]);
    let before = memory_kib(server.pid());
    let mut deaf: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).expect("the server listens");
            stream.set_nonblocking(true).expect("a fresh socket");
            let requests = encode(&["GET", "big"]).repeat(5000);
            // The server stops taking them; until then it is not done.
            match stream.write_all(&requests) {
                Ok(()) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            stream
        })
        .collect();
    let mut most = 0;
    for _ in 0..200 {
        c.check("GET big", bulk(&value));
        most = most.max(memory_kib(server.pid()));
    }
    assert!(most.saturating_sub(before) < 100 << 10, "{} KiB more", most - before);
    // Who reads late gets all that was promised.
    let slow = &mut deaf[0];
    slow.set_nonblocking(false).expect("a connected socket");
    slow.set_read_timeout(Some(support::PATIENCE)).expect("a connected socket");
    let mut reply = vec![0; format!("${}\r\n", value.len()).len() + value.len() + 2];
    for _ in 0..50 {
        slow.read_exact(&mut reply).expect("the next reply");
        assert!(reply.ends_with(b"xxx\r\n") && reply.starts_with(b"$100000\r\nx"));
    }
}

/// One request whose reply would be a gigabyte: alone, and in a transaction.
#[test]
fn a_reply_beyond_the_limit_is_never_made() {
    let server = Limpid::with(&["--appendonly", "no", "--client-output-buffer-limit", "normal 8mb 0 0"]);
    let mut c = server.resp();
    c.cmd(&["SET", "big", &"x".repeat(100_000)]);
    let before = peak_kib(server.pid());
    let all = [&["MGET"][..], &["big"; 10_000]].concat();
    let get = encode(&["GET", "big"]).repeat(10_000);
    let transaction = [encode(&["MULTI"]), get, encode(&["EXEC"])].concat();
    for request in [
        encode(&all),
        transaction,
        b"MGET".iter().copied().chain(b" big".repeat(10_000)).chain([b'\n']).collect(),
    ] {
        let mut asks = server.resp();
        asks.send_bytes(&request);
        let answer = asks.rest();
        assert!(answer.len() < 1 << 20, "{} bytes", answer.len());
    }
    assert_eq!(c.info("client_output_buffer_limit_disconnections"), "3");
    c.check("PING", status("PONG"));
    let grown = peak_kib(server.pid()) - before;
    assert!(grown < 64 << 10, "{grown} KiB");
}

/// It writes for ever and reads nothing: neither requests nor replies pile up.
#[test]
fn a_client_that_only_writes() {
    let server = Limpid::start();
    let before = memory_kib(server.pid());
    let stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_nonblocking(true).expect("a fresh socket");
    let chunk = b"PING\n".repeat(10_000);
    let mut c = server.text();
    let mut most = 0;
    // Some 200 MB, if all were taken.
    for _ in 0..4000 {
        match (&stream).write(&chunk) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        c.check("PING", "PONG");
        most = most.max(memory_kib(server.pid()));
    }
    assert!(most.saturating_sub(before) < 64 << 10, "{} KiB more", most - before);
}

#[test]
fn clients_that_vanish() {
    let server = Limpid::durable();
    let value = "x".repeat(50_000);
    server.resp().cmd(&["SET", "big", &value]);
    for i in 0..300 {
        let mut c = server.resp();
        match i % 4 {
            0 => c.send_bytes(b"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$100\r\nxx"),
            1 => c.send_bytes(&encode(&["GET", "big"]).repeat(20)),
            2 => c.send_bytes(&encode(&["SET", "w", "1"]).repeat(20)),
            _ => c.send_bytes(b"MULTI\nSET half 1\nWATCH"),
        }
        // Unread replies make this a reset.
        drop(c);
    }
    let mut c = server.resp();
    c.check("EXISTS half", Value::Int(0));
    eventually("they are forgotten", || c.info("connected_clients") == "1");
}

#[test]
fn two_thousand_idle_connections() {
    let server = Limpid::start();
    let mut c = server.resp();
    let before = memory_kib(server.pid());
    let mut idle: Vec<_> = (0..2000).map(|_| server.text()).collect();
    eventually("all are welcome", || c.info("connected_clients") == "2001");
    for one in idle.iter_mut().step_by(50) {
        one.check("PING", "PONG");
    }
    let grown = memory_kib(server.pid()).saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB for 2000 idle connections");
    drop(idle);
    eventually("all are gone", || c.info("connected_clients") == "1");
}

#[test]
fn a_slow_command_delays_only_its_own_client() {
    let server = Limpid::start();
    fill(&server, 300_000, &[]);
    let done = Arc::new(AtomicBool::new(false));
    let slow: Vec<_> = (0..3)
        .map(|_| {
            let (mut c, done) = (server.resp(), Arc::clone(&done));
            thread::spawn(move || {
                for _ in 0..4 {
                    c.check("KEYS *k*a*b*c*d*", Value::Array(vec![]));
                }
                done.store(true, Ordering::SeqCst);
            })
        })
        .collect();
    let mut c = server.resp();
    let mut served = 0;
    while !done.load(Ordering::SeqCst) {
        c.check("GET k7", bulk("value-7"));
        served += 1;
    }
    slow.into_iter().for_each(|one| one.join().expect("KEYS found nothing"));
    // With everything in one line there would be a dozen: one for each KEYS.
    assert!(served > 20, "only {served} GETs beside 12 KEYS over 300,000 keys");
}

#[test]
fn a_hundred_thousand_keys_expire_together() {
    let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
    let at = now + 2500;
    let mut c = server.resp();
    c.cmd(&["SET", "stays", "v"]);
    fill(&server, 100_000, &["PXAT", &at.to_string()]);
    let mut served = 0;
    eventually("only one key is left", || {
        c.check("GET stays", bulk("v"));
        served += 1;
        served % 100 == 0 && c.info("db0").starts_with("keys=1,")
    });
    c.check("EXISTS k1 k500 k99999", Value::Int(0));
    c.check("KEYS *", Value::Array(vec![bulk("stays")]));
    assert_eq!(c.info("expired_keys"), "100000");
    drop(c);
    let server = server.stop().restart();
    assert!(server.banner().contains("loaded 1 key;"), "{}", server.banner());
}

/// Replies of writers under a failing log: OK until then, one clear error from then on.
fn write_until_refused(server: &Limpid) -> u64 {
    let mut c = server.resp();
    let value = "x".repeat(1000);
    let mut done = 0;
    loop {
        match c.cmd(&["SET", &format!("w{done}"), &value]) {
            Value::Error(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                assert!(text.starts_with("MISCONF Errors writing to the AOF file: "), "{text}");
                return done;
            }
            reply => assert_eq!(reply, status("OK")),
        }
        done += 1;
        assert!(done < 100_000, "the limit is never met");
    }
}

#[track_caller]
fn check_reads_go_on(server: &Limpid, done: u64) {
    let mut c = server.resp();
    for i in 0..done {
        let reply = c.cmd(&["GET", &format!("w{i}")]);
        assert!(matches!(&reply, Value::Bulk(value) if value.len() == 1000), "w{i}: {reply:?}");
    }
    c.check("PING", status("PONG"));
    for write in ["SET other 1", "DEL w0", "EXPIRE w0 100"] {
        let words: Vec<&str> = write.split(' ').collect();
        let reply = c.cmd(&words);
        assert!(matches!(&reply, Value::Error(text) if text.starts_with(b"MISCONF ")), "{write}: {reply:?}");
    }
}

#[test]
fn a_log_that_cannot_grow() {
    let server = Limpid::limited_to_kib(200, &["--appendonly", "yes", "--appendfsync", "always"]);
    let done = write_until_refused(&server);
    assert!(done > 100, "200 KiB hold more than {done} records");
    check_reads_go_on(&server, done);
    // A transaction says so, too.
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    assert!(matches!(c.cmd(&["SET", "a", "1"]), Value::Error(text) if text.starts_with(b"MISCONF ")));
    assert!(matches!(c.cmd(&["EXEC"]), Value::Error(text) if text.starts_with(b"EXECABORT ")));
    assert_eq!(c.info("aof_last_write_status"), "err");
    // Nothing acknowledged is lost, and nothing refused has come to pass.
    let server = server.crash().restart();
    let mut c = server.resp();
    for i in 0..done {
        c.check(&format!("EXISTS w{i}"), Value::Int(1));
    }
    c.check(&format!("EXISTS w{done} other a"), Value::Int(0));
    c.check("TTL w0", Value::Int(-1));
    c.check("SET other 1", status("OK"));
}

/// In one pipeline, alone and in a transaction: what stands behind it must not be acknowledged before it is on disk,
/// where it never comes.
#[test]
fn a_stricter_policy_holds_from_the_next_request_on() {
    for in_transaction in [false, true] {
        let server = Limpid::limited_to_kib(4, &["--appendonly", "yes", "--appendfsync", "everysec"]);
        let mut c = server.resp();
        // Short enough to be read at once, so that all is one batch.
        let change = encode(&["CONFIG", "SET", "appendfsync", "always"]);
        let change = match in_transaction {
            false => change,
            true => [encode(&["MULTI"]), change, encode(&["EXEC"])].concat(),
        };
        c.send_bytes(&[change, encode(&["SET", "k", &"x".repeat(8000)])].concat());
        (0..if in_transaction { 3 } else { 1 }).for_each(|_| drop(c.read()));
        let reply = c.read();
        assert!(matches!(&reply, Value::Error(text) if text.starts_with(b"MISCONF ")), "{reply:?}");
    }
}

/// What is due is missing for everyone, but it is not removed: that could not be recorded, and a record that never
/// becomes durable would hold back each reply that looks at its shard.
#[test]
fn keys_that_come_due_while_the_log_cannot_grow() {
    let arguments = ["--appendonly", "yes", "--appendfsync", "always", "--sweep-period", "10"];
    let server = Limpid::limited_to_kib(200, &arguments);
    let mut c = server.resp();
    for tag in 0..20 {
        c.cmd(&["SET", &format!("{{{tag}}}stays"), "v"]);
        c.cmd(&["SET", &format!("{{{tag}}}goes"), "v", "PX", "1500"]);
    }
    let done = write_until_refused(&server);
    eventually("they are due", || c.cmd(&["GET", "{0}goes"]) == Value::Null);
    thread::sleep(Duration::from_millis(200));
    for tag in 0..20 {
        c.check(&format!("GET {{{tag}}}stays"), bulk("v"));
        c.check(&format!("GET {{{tag}}}goes"), Value::Null);
    }
    check_reads_go_on(&server, done);
}

/// Several clients write when the disk fails: each is answered, none is left waiting.
#[test]
fn everyone_is_answered_when_the_log_fails() {
    let server = Limpid::limited_to_kib(300, &["--appendonly", "yes", "--appendfsync", "always"]);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..8)
        .map(|id| {
            let (mut c, acknowledged) = (server.resp(), Arc::clone(&acknowledged));
            thread::spawn(move || {
                let value = "x".repeat(500);
                // A pipeline, so that many replies wait when the log fails.
                (0..400).for_each(|i| c.send(&["SET", &format!("c{id}:{i}"), &value]));
                let mut kept = Vec::new();
                for i in 0..400 {
                    match c.read() {
                        Value::Error(text) => {
                            assert!(text.starts_with(b"MISCONF "), "{}", text.escape_ascii())
                        }
                        reply => {
                            assert_eq!(reply, status("OK"));
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                            kept.push(format!("c{id}:{i}"));
                        }
                    }
                }
                kept
            })
        })
        .collect();
    let kept: Vec<String> = clients.into_iter().flat_map(|c| c.join().expect("OK or MISCONF")).collect();
    assert!(!kept.is_empty() && kept.len() < 3200, "{} of 3200", kept.len());
    let server = server.crash().restart();
    let mut c = server.resp();
    for key in kept {
        c.check(&format!("EXISTS {key}"), Value::Int(1));
    }
}

/// A small disk of our own; only root may have one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Option<SmallDisk> {
        let dir = tempfile::tempdir().expect("the temporary directory is writable");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(dir.path()).output();
        mount.is_ok_and(|output| output.status.success()).then(|| SmallDisk(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The server on it has been killed before; if it is busy all the same, the temporary directory stays.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_heals_when_space_returns() {
    let Some(disk) = SmallDisk::new() else {
        eprintln!("skipped: no tmpfs can be mounted here");
        return;
    };
    let dir = disk.0.path().join("data");
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![0; 200 << 10]).expect("it fits");
    let dir = dir.to_str().expect("temporary directories have plain names");
    let server = Limpid::in_dir(dir, &["--appendonly", "yes", "--appendfsync", "always"]);
    let done = write_until_refused(&server);
    assert!(done > 50, "{done}");
    check_reads_go_on(&server, done);
    std::fs::remove_file(&filler).expect("it is there");
    let mut c = server.resp();
    eventually("writes are taken again", || c.cmd(&["SET", "healed", "yes"]) == status("OK"));
    assert_eq!(c.info("aof_last_write_status"), "ok");
    let pid = server.pid();
    drop(server);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    let server = Limpid::in_dir(dir, &["--appendonly", "yes", "--appendfsync", "always"]);
    let mut c = server.resp();
    for i in 0..done {
        c.check(&format!("EXISTS w{i}"), Value::Int(1));
    }
    c.check("GET healed", bulk("yes"));
}

/// A log that is slower than its writers: reading pauses, memory stays, nothing is lost.
#[test]
fn more_than_the_log_takes() {
    let server = Limpid::durable();
    let before = memory_kib(server.pid());
    let value = "x".repeat(20_000);
    let writers: Vec<_> = (0..4)
        .map(|id| {
            let mut c = server.resp();
            let value = value.clone();
            thread::spawn(move || {
                let key = format!("one:{id}");
                let request = encode(&["SET", &key, &value]);
                let mut stream = c.stream().try_clone().expect("a connected socket");
                let writer = thread::spawn(move || {
                    (0..1000)
                        .for_each(|_| stream.write_all(&request).expect("the server takes it in the end"));
                });
                (0..1000).for_each(|_| assert_eq!(c.read(), status("OK")));
                writer.join().expect("it only writes");
            })
        })
        .collect();
    let mut most = 0;
    let mut c = server.resp();
    while !writers.iter().all(|writer| writer.is_finished()) {
        c.cmd(&["PING"]);
        most = most.max(memory_kib(server.pid()));
        thread::sleep(Duration::from_millis(5));
    }
    writers.into_iter().for_each(|writer| writer.join().expect("every write is acknowledged"));
    assert!(most.saturating_sub(before) < 400 << 10, "{} KiB more", most - before);
}

/// A worker used to stay with a connection for as long as requests came, and to keep all their buffers meanwhile.
#[test]
fn a_client_that_never_stops_sending_leaves_room_for_others() {
    let server = Limpid::with(&["--appendonly", "no", "--workers", "1"]);
    let over = Arc::new(AtomicBool::new(false));
    let mut sender = server.resp();
    // It takes longer to count these bits than to ask for it, so there is always something to do.
    sender.check("SETRANGE bits 20000 x", Value::Int(20_001));
    let mut reader = sender.stream().try_clone().expect("a socket has two ends");
    let is_over = Arc::clone(&over);
    let writes = thread::spawn(move || {
        let request = encode(&["BITCOUNT", "bits"]).repeat(1000);
        while !is_over.load(Ordering::Relaxed) {
            sender.send_bytes(&request);
        }
        sender.stream().shutdown(std::net::Shutdown::Write).expect("it is connected");
    });
    let received = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&received);
    let reads = thread::spawn(move || {
        let mut chunk = vec![0; 1 << 16];
        while let Ok(count @ 1..) = reader.read(&mut chunk) {
            counted.fetch_add(count as u64, Ordering::Relaxed);
        }
    });
    let mut c = server.resp();
    eventually("it is busy", || received.load(Ordering::Relaxed) > 10_000);
    (0..10).for_each(|_| c.check("PING", status("PONG")));
    let used: u64 = c.info("used_memory").parse().expect("a number");
    over.store(true, Ordering::Relaxed);
    writes.join().expect("all is sent");
    reads.join().expect("all is answered");
    assert!(used < 16 << 20, "{used} bytes for one client in flight");
}

/// The thread that syncs used to be woken at the end of a worker's job, so after the slow command behind it.
#[test]
fn a_write_does_not_wait_for_the_slow_command_behind_it() {
    // The janitor would wake it as well.
    is_answered_before_the_slow_command(&["--appendfsync", "always", "--sweep-period", "1h"]);
}

/// Replies of one job leave together, but not after a slow command.
#[test]
fn a_reply_does_not_wait_for_the_slow_command_behind_it() {
    is_answered_before_the_slow_command(&["--appendonly", "no"]);
}

fn is_answered_before_the_slow_command(options: &[&str]) {
    let server = Limpid::with(options);
    let (mut pauser, mut writer, mut sleeper) = (server.resp(), server.resp(), server.resp());
    for in_transaction in [false, true] {
        if in_transaction {
            sleeper.check("MULTI", status("OK"));
            sleeper.check("DEBUG SLEEP 3", status("QUEUED"));
        }
        // Both wait for the end of the pause, and get their turn in one job.
        pauser.check("CLIENT PAUSE 500", status("OK"));
        let began = Instant::now();
        writer.send(&["SET", "a", "1"]);
        sleeper.send(if in_transaction { &["EXEC"] } else { &["DEBUG", "SLEEP", "3"] });
        assert_eq!(writer.read(), status("OK"));
        assert!(began.elapsed() < Duration::from_secs(3), "after {:?}", began.elapsed());
        let slept = status("OK");
        assert_eq!(sleeper.read(), if in_transaction { Value::Array(vec![slept]) } else { slept });
    }
}

/// It was killed while a worker had its turn, and has more to be sent than its socket takes.
#[test]
fn a_killed_client_need_not_read_to_be_gone() {
    let server = Limpid::with(&["--appendonly", "no"]);
    let (mut other, mut deaf) = (server.resp(), server.resp());
    other.cmd(&["SETRANGE", "big", "67108863", "x"]);
    let Value::Int(id) = deaf.cmd(&["CLIENT", "ID"]) else { panic!("an id is a number") };
    let requests = b"*3\r\n$5\r\nDEBUG\r\n$5\r\nSLEEP\r\n$1\r\n1\r\n*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n";
    deaf.send_bytes(requests);
    let id = id.to_string();
    let line = |other: &mut RespClient| match other.cmd(&["CLIENT", "LIST", "ID", &id]) {
        Value::Bulk(line) => String::from_utf8(line).expect("it is text"),
        other => panic!("not a list: {other:?}"),
    };
    eventually("it sleeps", || line(&mut other).contains("cmd=debug"));
    other.cmd(&["CLIENT", "KILL", "ID", &id]);
    eventually("it is gone", || line(&mut other).trim().is_empty());
}

/// BITCOUNT is no long command, so its worker counts as one that will take the next job soon. On two cores no other is
/// woken for it, until the reactor sees that it waits; a tick, which comes once a second, would be too late.
#[test]
fn a_request_does_not_wait_for_the_only_worker_awake() {
    let server = Limpid::with(&["--appendonly", "no", "--workers", "2"]);
    let (mut sleeper, mut other) = (server.resp(), server.resp());
    sleeper.cmd(&["SETRANGE", "bits", "16777215", "x"]);
    let began = Instant::now();
    sleeper.check("BITCOUNT bits", Value::Int(4));
    let times = Duration::from_secs(4).div_duration_f64(began.elapsed()) as usize;
    sleeper.check("MULTI", status("OK"));
    for _ in 0..times {
        sleeper.check("BITCOUNT bits", status("QUEUED"));
    }
    sleeper.send(&["EXEC"]);
    // It is on its way to a worker.
    thread::sleep(Duration::from_millis(200));
    let mut ping = || {
        let began = Instant::now();
        other.check("PING", status("PONG"));
        began.elapsed()
    };
    // If only ticks helped, the first would be answered at one, and so each of the others a whole second later.
    ping();
    let fastest = ping().min(ping());
    assert!(fastest < Duration::from_millis(500), "after {fastest:?}");
}
