//! Who may ask.
//!
//! On loopback whoever is on this machine may, but a page that a browser shows may not: it cannot read another origin's
//! answers, unless its own name is made to point here, and then the Host header gives it away. Where clients need a
//! password, so do the pages that show keys and requests. On any other address everything needs it. A user sees there
//! what the commands MONITOR and INFO would show, if these are allowed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::http::{Request, Response};
use crate::acl::DEFAULT_USER;
use crate::command::{Server, permission, table};

/// What a page gives away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Figures alone.
    Figures,
    /// Keys, requests, addresses of clients.
    Data,
}

impl Shows {
    /// The command that gives away as much.
    fn as_told_by(self) -> &'static str {
        match self {
            Shows::Figures => "info",
            Shows::Data => "monitor",
        }
    }
}

/// The answer to somebody who may not see it. Who is not asked for a password is the user `default`.
pub fn refusal(request: &Request<'_>, shows: Shows, server: &Server, is_open: bool) -> Option<Response> {
    if is_open && !is_local(request.host) {
        return Some(Response::text(403, "ask for this machine by its address, or as localhost\n"));
    }
    if is_open && shows == Shows::Figures {
        return None;
    }
    let acl = &server.acl;
    let anybody = (is_open && !acl.default_needs_password()).then(|| acl.user(DEFAULT_USER)).flatten();
    let known = credentials(request.authorization)
        .and_then(|(name, word)| acl.log_in(&name, &word))
        .map(|account| account.current());
    let Some(user) = known.or(anybody) else {
        let refusal = Response::text(401, "user and password, as for AUTH\n");
        return Some(refusal.with("WWW-Authenticate", "Basic realm=\"limpid\", charset=\"UTF-8\""));
    };
    let command = shows.as_told_by();
    let may = table::find(command.as_bytes()).is_some_and(|found| permission::allows_command(&user, found));
    (!may).then(|| Response::text(403, format!("this needs the permission to run {command}\n")))
}

/// `Basic` and `user:password` in base64. An empty user is the default one, as for AUTH with one word.
fn credentials(header: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = if colon == 0 { b"default".to_vec() } else { decoded[..colon].to_vec() };
    Some((user, decoded[colon + 1..].to_vec()))
}

/// An address, `localhost`, or nothing (HTTP/1.0), with or without a port.
fn is_local(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    let name = without_port.trim_start_matches('[').trim_end_matches(']');
    name.is_empty() || name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_machines_are_not_this_one() {
        for host in
            ["", "localhost", "LOCALHOST:9121", "127.0.0.1:1", "127.0.0.1", "[::1]:9121", "[::1]", "::1"]
        {
            assert!(is_local(host), "{host:?}");
        }
        for host in
            ["evil.example", "evil.example:9121", "localhost.evil.example", "127.0.0.1.evil.example:1"]
        {
            assert!(!is_local(host), "{host:?}");
        }
    }

    #[test]
    fn reads_basic_credentials() {
        let pair = |user: &str, word: &str| Some((user.as_bytes().to_vec(), word.as_bytes().to_vec()));
        assert_eq!(credentials("Basic ZGVmYXVsdDpwOnc="), pair("default", "p:w"));
        assert_eq!(credentials("basic OnB3"), pair("default", "pw"));
        for wrong in ["", "Basic", "Basic !!", "Bearer OnB3", "Basic cHc="] {
            assert_eq!(credentials(wrong), None, "{wrong:?}");
        }
    }
}
