//! `redis://` and `rediss://`: a server and a user in one word.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    pub tls: bool,
    pub user: Option<String>,
    pub password: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub db: Option<u32>,
}

impl FromStr for Uri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("it begins with redis:// or rediss://")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "redis" => false,
            "rediss" => true,
            _ => return Err("it begins with redis:// or rediss://".into()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // A password may hold an `@` of its own.
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
            None => (None, None),
            // As in redis-cli, one word is a password.
            Some(Err(password)) => (None, Some(decoded(password)?)),
            Some(Ok((user, password))) => (given(user).map(decoded).transpose()?, Some(decoded(password)?)),
        };
        let (host, port) = split_port(place);
        let number = |what| move |_| format!("wrong {what}");
        Ok(Self {
            tls,
            user,
            password,
            host: given(host).map(decoded).transpose()?,
            port: port.and_then(given).map(str::parse).transpose().map_err(number("port"))?,
            db: given(path.trim_end_matches('/')).map(str::parse).transpose().map_err(number("database"))?,
        })
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn decoded(text: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("what is behind % is no UTF-8".into()),
    }
}

/// `host:port`, where an IPv6 address stands in brackets.
fn split_port(place: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match place.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Uri {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_part_may_be_missing() {
        assert_eq!(read("redis://"), Uri::default());
        let host = Uri { host: Some("example.org".into()), ..Uri::default() };
        assert_eq!(read("redis://example.org"), host);
        assert_eq!(read("REDIS://example.org/"), host);
        assert_eq!(read("rediss://example.org"), Uri { tls: true, ..host.clone() });
        assert_eq!(read("redis://example.org:7000/3"), Uri { port: Some(7000), db: Some(3), ..host });
        assert_eq!(read("redis://[::1]:7000").host.as_deref(), Some("::1"));
        assert_eq!(read("redis://[::1]").port, None);
    }

    #[test]
    fn a_login_may_hold_anything() {
        let login = |text| {
            let Uri { user, password, host, .. } = read(text);
            assert_eq!(host.as_deref(), Some("h"), "{text}");
            (user.unwrap_or_default(), password.unwrap_or_default())
        };
        assert_eq!(login("redis://me:pass@h"), ("me".into(), "pass".into()));
        assert_eq!(login("redis://:pass@h"), (String::new(), "pass".into()));
        assert_eq!(login("redis://pass@h"), (String::new(), "pass".into()));
        assert_eq!(login("redis://me:p%40%2F%3A%25@h"), ("me".into(), "p@/:%".into()));
        assert_eq!(login("redis://me:p@ss@h"), ("me".into(), "p@ss".into()));
    }

    #[test]
    fn what_is_no_uri() {
        for text in [
            "",
            "example.org",
            "http://h",
            "redis://h:port",
            "redis://h:70000",
            "redis://h/db",
            "redis://%ff@h",
        ] {
            assert!(text.parse::<Uri>().is_err(), "{text}");
        }
    }
}
