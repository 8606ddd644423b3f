//! The same requests to limpid and to `redis-server` 7.0, reply for reply.

use std::collections::{BTreeMap, BTreeSet};

use limpid::protocol::Value;

use super::support::{Limpid, Redis, RespClient};

/// Each request goes to the connection of the name in front of it.
const SCRIPT: &str = r#"
admin ACL WHOAMI
admin ACL USERS
admin ACL LIST
admin ACL CAT
admin ACL CAT nosuch
admin ACL NOSUCH
admin ACL SETUSER
admin ACL SETUSER newuser
admin ACL GETUSER newuser
admin ACL GETUSER nobody
admin ACL SETUSER newuser nonsense
admin ACL SETUSER newuser +nosuch
admin ACL SETUSER newuser +@nosuch
admin ACL SETUSER newuser +config|nosuch
admin ACL SETUSER newuser +config|get|x
admin ACL SETUSER newuser +select|
admin ACL SETUSER newuser allkeys ~a
admin ACL SETUSER newuser &* &a
admin ACL SETUSER newuser #abc
admin ACL SETUSER newuser !abc
admin ACL SETUSER newuser <never
admin ACL SETUSER newuser (
admin ACL SETUSER newuser )
admin ACL SETUSER newuser (+get
admin ACL SETUSER newuser (on)
admin ACL SETUSER newuser %X~a
admin ACL SETUSER newuser %RR~a
admin ACL GETUSER newuser
admin ACL SETUSER alice on >p1 >p2 <p1 ~a* %R~r* %W~w* &c* +@string
admin ACL GETUSER alice
admin ACL LIST
alice AUTH alice p1
alice AUTH alice p2 p3 p4
alice AUTH p2
alice AUTH nobody p2
alice AUTH alice p2
alice ECHO hello
alice GET a1
alice GET w1
alice SELECT 0
admin ACL SETUSER picky on nopass +select|0
admin ACL GETUSER picky
picky AUTH picky x
picky SELECT 0
picky SELECT 1
alice SET r1 v GET
alice RESET
admin ACL SETUSER alice reset on nopass +@all -@dangerous ~a* resetchannels &c
alice AUTH alice whatever
alice FLUSHALL
alice CONFIG GET port
alice SET a1 1
alice SET b1 1
alice COPY a1 a2
alice COPY a1 b2
alice PUBLISH c x
alice PUBLISH d x
alice MULTI
alice SET a1 2
alice SET b1 2
alice EXEC
alice MULTI
alice SET a1 3
admin ACL SETUSER alice -set
alice EXEC
alice GET a1
admin ACL DRYRUN nobody GET a1
admin ACL DRYRUN alice NOSUCH a1
admin ACL DRYRUN alice GET
admin ACL DRYRUN alice GET a1
admin ACL DRYRUN alice PUBLISH c x
admin ACL DRYRUN alice PSUBSCRIBE c
admin ACL DRYRUN default FLUSHALL
admin ACL SETUSER bob on nopass (+get ~a* ) ( +set ~b* )
admin ACL GETUSER bob
bob AUTH bob x
bob GET a1
bob GET b1
bob SET b1 v
bob SET a1 v
admin ACL SETUSER bob clearselectors
bob GET a1
admin ACL LOG RESET
admin ACL LOG
admin ACL LOG x
admin ACL GENPASS 0
admin ACL GENPASS 5000
admin ACL GENPASS x
admin ACL DELUSER default
admin ACL DELUSER alice nobody
admin CLIENT KILL USER nobody
admin CLIENT KILL USER bob
admin ACL LOAD
admin ACL SAVE
admin ACL USERS
admin AUTH x
admin CONFIG SET requirepass sesame
late GET x
late AUTH sesam
late AUTH default sesame
late PING
admin ACL GETUSER default
admin CONFIG GET requirepass
"#;

/// Texts of 7.0 that are others since 7.2; and `sanitize-payload`, which 7.0 shows only where it was given.
fn is_of_7_2(ours: &str, theirs: &str) -> bool {
    const CHANGED: &[(&str, &str)] = &[
        ("has no permissions to run the", "this user has no permissions to run the"),
        ("No permissions to access a key", "this user has no permissions to access one of the keys"),
        ("No permissions to access a channel", "this user has no permissions to access one of the channels"),
    ];
    CHANGED.iter().any(|(new, old)| ours.contains(new) && theirs.contains(old))
        || ours.replace(", sanitize-payload", "").replace(" sanitize-payload", "") == theirs
}

fn shown(reply: &Value) -> String {
    format!("{reply:?}").replace("\\", "")
}

/// Readable, for a difference; and without what differs by nature.
fn text(reply: Value) -> String {
    match reply {
        Value::Bulk(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::Status(bytes) => format!("+{}", String::from_utf8_lossy(&bytes)),
        Value::Error(bytes) => format!("-{}", String::from_utf8_lossy(&bytes)),
        Value::Array(values) => format!("[{}]", values.into_iter().map(text).collect::<Vec<_>>().join(", ")),
        other => shown(&other),
    }
}

#[test]
fn replies_are_those_of_redis() {
    let Some(redis) = Redis::start() else { return };
    let limpid = Limpid::start();
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    let mut differences = Vec::new();
    for line in SCRIPT.lines().filter(|line| !line.is_empty()) {
        let (name, request) = line.split_once(' ').expect("a name and a request");
        let words: Vec<&str> = request.split(' ').collect();
        let our = ours.entry(name).or_insert_with(|| limpid.resp());
        let their = theirs.entry(name).or_insert_with(|| redis.resp());
        let (our, their) = (text(our.cmd(&words)), text(their.cmd(&words)));
        if our != their && !is_of_7_2(&our, &their) {
            differences.push(format!("{request}\n  ours:   {our}\n  theirs: {their}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn names(reply: Value) -> BTreeSet<String> {
    match reply {
        Value::Array(values) => values.into_iter().map(text).collect(),
        other => panic!("an array is expected, not {other:?}"),
    }
}

/// `name` and `container|name` of every command, with what COMMAND INFO says of it.
fn commands(client: &mut RespClient) -> BTreeMap<String, Vec<Value>> {
    fn collect(reply: Value, into: &mut BTreeMap<String, Vec<Value>>) {
        let Value::Array(mut fields) = reply else { return };
        if let Some(Value::Array(subcommands)) = fields.pop() {
            subcommands.into_iter().for_each(|sub| collect(sub, into));
        }
        into.insert(text(fields[0].clone()), fields);
    }
    let mut all = BTreeMap::new();
    if let Value::Array(replies) = client.cmd(&["COMMAND"]) {
        replies.into_iter().for_each(|reply| collect(reply, &mut all));
    }
    all
}

/// Redis's key specs without the notes in prose.
fn without_notes(specs: &Value) -> Vec<Value> {
    let Value::Array(specs) = specs else { panic!("an array is expected, not {specs:?}") };
    let notes = Value::Bulk(b"notes".to_vec());
    let plain = |spec: &Value| match spec {
        Value::Array(fields) if fields.first() == Some(&notes) => Value::Array(fields[2..].to_vec()),
        other => other.clone(),
    };
    specs.iter().map(plain).collect()
}

/// WAIT blocks since 7.2, and says so.
const OTHERS_SINCE_7_2: &[&str] = &["wait"];

#[test]
fn categories_and_key_specs_are_those_of_redis() {
    let Some(redis) = Redis::start() else { return };
    let limpid = Limpid::start();
    let (mut ours, mut theirs) = (limpid.resp(), redis.resp());
    let (our_commands, their_commands) = (commands(&mut ours), commands(&mut theirs));
    let mut differences = Vec::new();
    let mut compared = 0;
    for (name, our) in &our_commands {
        let Some(their) = their_commands.get(name).filter(|_| !OTHERS_SINCE_7_2.contains(&&**name)) else {
            continue;
        };
        compared += 1;
        if names(our[6].clone()) != names(their[6].clone()) {
            differences.push(format!("{name}: {} is {} there", text(our[6].clone()), text(their[6].clone())));
        }
        if without_notes(&our[8]) != without_notes(&their[8])
            && !name.ends_with("subscribe")
            && name != "spublish"
        {
            differences.push(format!("{name}:\n  {}\n  {}", text(our[8].clone()), text(their[8].clone())));
        }
    }
    assert!(compared > 200, "only {compared} commands are known to both");
    for category in names(ours.cmd(&["ACL", "CAT"])) {
        let known = |name: &String| {
            our_commands.contains_key(name)
                && their_commands.contains_key(name)
                && !OTHERS_SINCE_7_2.contains(&&**name)
        };
        let list = |client: &mut RespClient| -> BTreeSet<String> {
            names(client.cmd(&["ACL", "CAT", &category])).into_iter().filter(known).collect()
        };
        let (our, their) = (list(&mut ours), list(&mut theirs));
        if our != their {
            differences
                .push(format!("@{category}: {:?}", our.symmetric_difference(&their).collect::<Vec<_>>()));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
