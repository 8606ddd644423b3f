//! A real client: the `redis` crate, as its users use it.

mod support;

use redis::{Commands, Connection, RedisResult};
use support::{Limpid, knows};

fn connect(port: u16, query: &str) -> Connection {
    let url = format!("redis://127.0.0.1:{port}/{query}");
    let client = redis::Client::open(url).expect("a plain address");
    client.get_connection().expect("the server listens")
}

#[test]
fn values_of_many_kinds() -> RedisResult<()> {
    let server = Limpid::start();
    let mut c = connect(server.port(), "");
    c.set::<_, _, ()>("number", 42)?;
    assert_eq!(c.get::<_, i64>("number")?, 42);
    c.set::<_, _, ()>("bytes", &b"\0\r\n\xff"[..])?;
    assert_eq!(c.get::<_, Vec<u8>>("bytes")?, b"\0\r\n\xff");
    assert_eq!(c.get::<_, Option<String>>("nosuchkey")?, None);
    assert!(c.exists::<_, bool>("number")?);
    assert!(c.expire::<_, bool>("number", 100)?);
    assert_eq!(c.ttl::<_, i64>("number")?, 100);
    assert!(c.persist::<_, bool>("number")?);
    assert_eq!(c.del::<_, i64>(&["number", "bytes", "nosuchkey"])?, 2);
    Ok(())
}

#[test]
fn errors_keep_their_code() {
    let server = Limpid::start();
    let mut c = connect(server.port(), "");
    let error = redis::cmd("SET").arg("k").exec(&mut c).expect_err("two words are too few");
    assert_eq!(error.code(), Some("ERR"));
    assert_eq!(error.detail(), Some("wrong number of arguments for 'set' command"));
    // The connection goes on.
    assert_eq!(redis::cmd("PING").query::<String>(&mut c).ok().as_deref(), Some("PONG"));
}

#[test]
fn pipelines() -> RedisResult<()> {
    let server = Limpid::durable();
    let mut c = connect(server.port(), "");
    let mut pipe = redis::pipe();
    for i in 0..1000 {
        pipe.set(format!("k{i}"), i).ignore();
        pipe.get(format!("k{i}"));
    }
    let values: Vec<i64> = pipe.query(&mut c)?;
    assert_eq!(values, (0..1000).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn atomic_pipelines() -> RedisResult<()> {
    let server = Limpid::durable();
    let mut c = connect(server.port(), "");
    let (a, b): (i64, Option<i64>) =
        redis::pipe().atomic().set("a", 1).ignore().get("a").get("nosuchkey").query(&mut c)?;
    assert_eq!((a, b), (1, None));
    Ok(())
}

/// The crate's own WATCH loop, from several threads.
#[test]
fn watched_transactions() -> RedisResult<()> {
    let server = Limpid::start();
    connect(server.port(), "").set::<_, _, ()>("n", 0)?;
    let port = server.port();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut c = connect(port, "");
                for _ in 0..50 {
                    let counted: RedisResult<()> = redis::transaction(&mut c, &["n"], |c, pipe| {
                        let n: i64 = c.get("n")?;
                        pipe.set("n", n + 1).ignore().query(c)
                    });
                    counted.expect("it retries until it succeeds");
                }
            });
        }
    });
    assert_eq!(connect(server.port(), "").get::<_, i64>("n")?, 200);
    Ok(())
}

#[test]
fn resp3() -> RedisResult<()> {
    if !knows("hello") {
        return Ok(());
    }
    let server = Limpid::start();
    let mut c = connect(server.port(), "?protocol=resp3");
    c.set::<_, _, ()>("k", "v")?;
    assert_eq!(c.get::<_, String>("k")?, "v");
    assert_eq!(c.get::<_, Option<String>>("nosuchkey")?, None);
    if knows("hset") {
        c.hset::<_, _, _, ()>("h", "field", 1)?;
        let all: std::collections::HashMap<String, i64> = c.hgetall("h")?;
        assert_eq!(all.get("field"), Some(&1));
    }
    Ok(())
}

#[test]
fn databases() -> RedisResult<()> {
    if !knows("select") {
        return Ok(());
    }
    let server = Limpid::start();
    let (mut zero, mut three) = (connect(server.port(), ""), connect(server.port(), "3"));
    three.set::<_, _, ()>("k", "three")?;
    assert_eq!(zero.get::<_, Option<String>>("k")?, None);
    assert_eq!(three.get::<_, String>("k")?, "three");
    Ok(())
}

/// A key that is there from start to end of a scan is returned, whatever comes and goes meanwhile.
#[test]
fn scans_under_change() -> RedisResult<()> {
    if !knows("scan") {
        return Ok(());
    }
    let server = Limpid::start();
    let mut c = connect(server.port(), "");
    let mut pipe = redis::pipe();
    (0..2000).for_each(|i| {
        pipe.set(format!("stays:{i}"), i).ignore();
    });
    pipe.query::<()>(&mut c)?;
    let port = server.port();
    let changes = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut c = connect(port, "");
            for round in 0.. {
                if !changes.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                let mut pipe = redis::pipe();
                for i in 0..2000 {
                    let key = format!("goes:{i}");
                    if round % 2 == 0 {
                        pipe.set(key, i).ignore()
                    } else {
                        pipe.del(key).ignore()
                    };
                }
                pipe.query::<()>(&mut c).expect("it sets and deletes");
            }
        });
        for count in [1, 7, 100] {
            let mut found = std::collections::HashSet::new();
            let options = redis::ScanOptions::default().with_count(count).with_pattern("stays:*");
            let scan = c.scan_options::<String>(options).expect("SCAN is there");
            found.extend(scan.map(|key| key.expect("a key")));
            assert_eq!(found.len(), 2000, "COUNT {count} missed some");
        }
        changes.store(false, std::sync::atomic::Ordering::Relaxed);
    });
    Ok(())
}
