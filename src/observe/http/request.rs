//! The head of a request.

use super::Response;
use crate::limits;

/// What the site wants to know of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub path: &'a str,
    /// Behind the `?`; empty without one.
    pub query: &'a str,
    /// The headers are wanted, and no body.
    pub is_head: bool,
    pub host: &'a str,
    pub accept: &'a str,
    pub authorization: &'a str,
}

pub enum Parsed<'a> {
    /// The blank line has not come yet.
    Partial,
    Request(Request<'a>),
    Wrong(Response),
}

pub fn parse(head: &[u8]) -> Parsed<'_> {
    let mut headers = [httparse::EMPTY_HEADER; limits::HTTP_HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(length)) if length <= limits::HTTP_HEAD_MAX => {}
        Ok(httparse::Status::Partial) if head.len() <= limits::HTTP_HEAD_MAX => return Parsed::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Parsed::Wrong(Response::text(431, "the request's headers are too large\n"));
        }
        Err(_) => return Parsed::Wrong(Response::text(400, "this is no HTTP request\n")),
    }
    let is_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => {
            let refusal = Response::text(405, "there is nothing but to GET here\n");
            return Parsed::Wrong(refusal.with("Allow", "GET, HEAD"));
        }
    };
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |name: &str| {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok()).unwrap_or_default()
    };
    Parsed::Request(Request {
        path,
        query,
        is_head,
        host: header("host"),
        accept: header("accept"),
        authorization: header("authorization"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(head: &[u8]) -> Option<u16> {
        match parse(head) {
            Parsed::Wrong(response) => Some(response.status),
            _ => None,
        }
    }

    #[test]
    fn takes_a_request_apart() {
        let head = b"HEAD /api/stats?since=5 HTTP/1.1\r\nHOST: localhost:1\r\naccept: a/b\r\n\r\nmore";
        let Parsed::Request(request) = parse(head) else { panic!("a whole request") };
        let expected = Request {
            path: "/api/stats",
            query: "since=5",
            is_head: true,
            host: "localhost:1",
            accept: "a/b",
            authorization: "",
        };
        assert_eq!(request, expected);
        assert!(matches!(parse(b"GET / HTTP/1.0\r\nA: b\r\n"), Parsed::Partial));
    }

    #[test]
    fn refuses_what_it_does_not_serve() {
        assert_eq!(status(b"POST / HTTP/1.1\r\n\r\n"), Some(405));
        assert_eq!(status(b"*1\r\n$4\r\nPING\r\n"), Some(400));
        assert_eq!(status(b"GET / HTTP/7.1\r\n\r\n"), Some(400));
        let many = "A: b\r\n".repeat(limits::HTTP_HEADERS_MAX + 1);
        assert_eq!(status(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()), Some(431));
        let long = "a".repeat(limits::HTTP_HEAD_MAX);
        assert_eq!(status(format!("GET / HTTP/1.1\r\nA: {long}").as_bytes()), Some(431));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&bytes);
        }
    }
}
