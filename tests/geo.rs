//! Places, over the wire.

mod support;

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, status};

fn int(value: i64) -> Value {
    Value::Int(value)
}

fn bulks(words: &[&str]) -> Value {
    Value::Array(words.iter().map(bulk).collect())
}

fn sicily(c: &mut RespClient) {
    c.check("GEOADD sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", int(2));
    c.check("GEOADD sicily 12.758489 38.788135 edge1 17.241510 38.788135 edge2", int(2));
}

#[test]
fn places_are_added_and_told() {
    let server = Limpid::start();
    let mut c = server.resp();
    sicily(&mut c);
    c.check("GEOADD sicily 13.361389 38.115556 Palermo", int(0));
    c.check("GEOADD sicily NX 1 1 Palermo", int(0));
    c.check("GEOADD sicily XX CH 13.4 38.115556 Palermo", int(1));
    c.check("GEOADD sicily XX CH 13.361389 38.115556 Palermo", int(1));
    c.check("TYPE sicily", status("zset"));
    c.check("ZSCORE sicily Palermo", bulk("3479099956230698"));
    c.check("GEODIST sicily Palermo Catania", bulk("166274.1516"));
    c.check("GEODIST sicily Palermo Catania km", bulk("166.2742"));
    c.check("GEODIST sicily Palermo Catania mi", bulk("103.3182"));
    c.check("GEODIST sicily Palermo Catania FT", bulk("545518.8700"));
    c.check("GEODIST sicily Palermo nosuch", Value::Null);
    c.check("GEODIST nosuch a b", Value::Null);
    c.check(
        "GEOHASH sicily Palermo nosuch Catania",
        Value::Array(vec![bulk("sqc8b49rny0"), Value::Null, bulk("sqdtr74hyu0")]),
    );
    c.check(
        "GEOPOS sicily Palermo nosuch",
        Value::Array(vec![bulks(&["13.36138933897018433", "38.11555639549629859"]), Value::Null]),
    );
    c.check("GEOPOS nosuch a", Value::Array(vec![Value::Null]));
}

#[test]
fn who_is_near() {
    let server = Limpid::start();
    let mut c = server.resp();
    sicily(&mut c);
    for (command, expected) in [
        ("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC", &["Catania", "Palermo"][..]),
        ("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km DESC", &["Palermo", "Catania"]),
        ("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC COUNT 1", &["Catania"]),
        ("GEOSEARCH sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC", &["Catania", "Palermo", "edge2", "edge1"]),
        ("GEOSEARCH sicily FROMMEMBER Palermo BYRADIUS 1 m", &["Palermo"]),
        ("GEOSEARCH nosuch FROMLONLAT 15 37 BYRADIUS 200 km", &[]),
        ("GEORADIUS sicily 15 37 200 km ASC", &["Catania", "Palermo"]),
        ("GEORADIUS_RO sicily 15 37 200 km DESC", &["Palermo", "Catania"]),
        ("GEORADIUSBYMEMBER sicily Palermo 100 km ASC", &["Palermo", "edge1"]),
        ("GEORADIUSBYMEMBER_RO sicily Palermo 100 km DESC", &["edge1", "Palermo"]),
    ] {
        c.check(command, bulks(expected));
    }
    let place = Value::Array(vec![
        bulk("Catania"),
        bulk("56.4413"),
        int(3479447370796909),
        bulks(&["15.08726745843887329", "37.50266842333162032"]),
    ]);
    c.check(
        "GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC COUNT 1 WITHCOORD WITHDIST WITHHASH",
        Value::Array(vec![place]),
    );
    let Value::Array(any) = c.cmd(
        &"GEOSEARCH sicily FROMLONLAT 15 37 BYBOX 400 400 km COUNT 3 ANY".split(' ').collect::<Vec<_>>(),
    ) else {
        panic!("places");
    };
    assert_eq!(any.len(), 3);
}

#[test]
fn what_was_found_is_kept() {
    let server = Limpid::durable();
    let mut c = server.resp();
    sicily(&mut c);
    c.check("GEOSEARCHSTORE near sicily FROMLONLAT 15 37 BYRADIUS 200 km", int(2));
    c.check(
        "GEOPOS near Catania",
        Value::Array(vec![bulks(&["15.08726745843887329", "37.50266842333162032"])]),
    );
    c.check("GEOSEARCHSTORE far sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 3 STOREDIST", int(3));
    c.check("ZRANGE far 0 -1", bulks(&["Catania", "Palermo", "edge2"]));
    c.check("GEORADIUS sicily 15 37 200 km STOREDIST d", int(2));
    c.check("ZSCORE d Catania", bulk("56.4412578701582"));
    c.check("GEORADIUSBYMEMBER sicily Palermo 100 km STORE e", int(2));
    c.check("GEOSEARCHSTORE near sicily FROMLONLAT 100 1 BYRADIUS 1 km", int(0));
    c.check("EXISTS near", int(0));
    let server = server.crash().restart();
    let mut c = server.resp();
    c.check("ZSCORE d Catania", bulk("56.4412578701582"));
    c.check("ZCARD e", int(2));
    c.check("EXISTS near", int(0));
}

#[test]
fn around_the_date_line_and_near_the_poles() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("GEOADD g 179.9 0 east -179.9 0 west 0 84.9 north", int(3));
    c.check("GEOSEARCH g FROMMEMBER east BYRADIUS 50 km ASC", bulks(&["east", "west"]));
    c.check("GEOSEARCH g FROMLONLAT -180 0 BYBOX 100 100 km ASC", bulks(&["east", "west"]));
    // Redis looks for the other side of the line one cell too far from here.
    c.check("GEOSEARCH g FROMLONLAT 180 0 BYBOX 100 100 km ASC", bulks(&["east"]));
    c.check("GEOSEARCH g FROMLONLAT 0 85 BYRADIUS 100 km", bulks(&["north"]));
}

#[test]
fn what_is_wrong_with_a_request() {
    let server = Limpid::start();
    let mut c = server.resp();
    sicily(&mut c);
    c.check("SET s text", status("OK"));
    for (command, error) in [
        ("GEOADD g 181 0 a", "ERR invalid longitude,latitude pair 181.000000,0.000000"),
        ("GEOADD g 0 86 a", "ERR invalid longitude,latitude pair 0.000000,86.000000"),
        ("GEOADD g x 0 a", "ERR value is not a valid float"),
        ("GEOADD g 0 0 a 1", "ERR syntax error"),
        ("GEOADD g NX XX 0 0 a", "ERR syntax error"),
        ("GEODIST sicily Palermo Catania parsec", "ERR unsupported unit provided. please use M, KM, FT, MI"),
        ("GEODIST sicily Palermo Catania km km", "ERR syntax error"),
        ("GEOSEARCH sicily FROMMEMBER nosuch BYRADIUS 1 km", "ERR could not decode requested zset member"),
        ("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS -1 km", "ERR radius cannot be negative"),
        ("GEOSEARCH sicily FROMLONLAT 15 37 BYBOX -1 1 km", "ERR height or width cannot be negative"),
        ("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS x km", "ERR need numeric radius"),
        ("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 1 km COUNT 0", "ERR COUNT must be > 0"),
        (
            "GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 1 km ANY",
            "ERR the ANY argument requires COUNT argument",
        ),
        (
            "GEOSEARCH sicily BYRADIUS 1 km ASC WITHDIST WITHCOORD",
            "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
        ),
        (
            "GEOSEARCH sicily FROMLONLAT 15 37 ASC WITHDIST WITHCOORD",
            "ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH",
        ),
        (
            "GEORADIUS sicily 15 37 1 km STORE d WITHDIST",
            "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        ),
        ("GEOADD s 0 0 a", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("GEOPOS s a", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        (
            "GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 1 km",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
    ] {
        c.check_error(command, error);
    }
}

#[test]
fn as_a_person_types_them() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("GEOADD sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", "2");
    c.check("GEODIST sicily Palermo Catania km", "166.2742");
    c.check(
        "GEOSEARCH sicily FROMMEMBER Palermo BYRADIUS 200 km ASC WITHDIST",
        "(Palermo 0.0000) (Catania 166.2742)",
    );
    c.check("GEOPOS sicily nosuch", "nil");
}
