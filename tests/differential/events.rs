//! What both servers publish of what happens to keys.

use limpid::protocol::Value;

use super::support::RespClient;

/// The end of what a batch has caused, as another client publishes it.
const MARK: (&str, &str) = ("__keymark__:", "end");

/// One event: its channel and message.
pub type Happened = (String, String);

/// A client that hears all of them.
pub struct Listener(RespClient);

impl Listener {
    /// Of a key that is missing nothing is heard here: SORT looks up the keys of its patterns in an order of its own.
    pub fn new(mut client: RespClient) -> Listener {
        client.cmd(&["CONFIG", "SET", "notify-keyspace-events", "KEAn"]);
        client.cmd(&["PSUBSCRIBE", "__key*__:*"]);
        Listener(client)
    }

    /// What has happened before `through` publishes the mark.
    pub fn until_mark(&mut self, through: &mut RespClient) -> Vec<Happened> {
        through.cmd(&["PUBLISH", MARK.0, MARK.1]);
        let mut heard = Vec::new();
        loop {
            let event = happened(self.0.read());
            if event.0 == MARK.0 {
                return heard;
            }
            if !is_by_the_clock(&event) {
                heard.push(event);
            }
        }
    }
}

fn happened(message: Value) -> Happened {
    let (Value::Array(parts) | Value::Push(parts)) = message else { panic!("no message: {message:?}") };
    let text = |part: &Value| match part {
        Value::Bulk(text) => text.escape_ascii().to_string(),
        other => panic!("no text: {other:?}"),
    };
    (text(&parts[2]), text(&parts[3]))
}

/// Which keys were given a deadline in the past by these requests. Redis may still hold them, and says `del` of one that
/// another command's result replaces, if its own clock has not swept it before.
pub fn dead_from_the_start(requests: &[Vec<Vec<u8>>]) -> Vec<String> {
    let past = [&b"1"[..], b"1600000000", b"1600000000000", b"-1", b"0"];
    let is_dead = |request: &&Vec<Vec<u8>>| {
        request[0].eq_ignore_ascii_case(b"SET")
            && request.windows(2).any(|pair| {
                let option = pair[0].to_ascii_uppercase();
                [&b"EXAT"[..], b"PXAT"].contains(&&*option) && past.contains(&&*pair[1])
            })
    };
    requests.iter().filter(is_dead).map(|request| request[1].escape_ascii().to_string()).collect()
}

/// Whether this tells that one of these keys was deleted.
pub fn tells_of_deleting(happened: &Happened, keys: &[String]) -> bool {
    let (key, event) = key_and_event(happened);
    event == "del" && keys.iter().any(|dead| dead == key)
}

pub fn key_of(happened: &Happened) -> Vec<u8> {
    key_and_event(happened).0.as_bytes().to_vec()
}

fn key_and_event((channel, message): &Happened) -> (&str, &str) {
    let (kind, name) = channel.split_once("__:").unwrap_or_default();
    if kind.starts_with("__keyspace") { (name, message) } else { (message, name) }
}

/// When a key past its deadline is removed is each server's own affair.
fn is_by_the_clock((channel, message): &Happened) -> bool {
    message == "expired" || channel.ends_with(":expired")
}
