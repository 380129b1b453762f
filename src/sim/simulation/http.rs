//! HTTP as the model's side reads and writes it: whole requests out of a byte stream, replies with a length.

use crate::sim::server::{Request, Response};

/// Takes the first whole request from the front of `bytes`; `None` if there is none yet.
pub(super) fn take_request(bytes: &mut Vec<u8>) -> Option<Request> {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..head_end)?).ok()?.to_owned();
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let start = head_end.saturating_add(4);
    let end = start.saturating_add(length);
    let body = bytes.get(start..end)?.to_vec();
    let request = Request { method, path: path.to_owned(), query: query.to_owned(), headers, body };
    bytes.drain(..end);
    Some(request)
}

/// A reply as bytes.
pub(super) fn put_response(response: &Response) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {} Simulated\r\n", response.status).into_bytes();
    for (name, value) in &response.headers {
        out.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    out.extend(format!("Content-Length: {}\r\n\r\n", response.body.len()).into_bytes());
    out.extend_from_slice(&response.body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_once_it_is_whole() {
        let whole = b"POST /a/b?c=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n".to_vec();
        let mut bytes = whole[..whole.len() - 22].to_vec();
        assert!(take_request(&mut bytes).is_none());
        let mut bytes = whole;
        let request = take_request(&mut bytes).unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str(), request.query.as_str()), ("POST", "/a/b", "c=1"));
        assert_eq!((request.header("host"), request.body.as_slice()), (Some("x"), &b"abc"[..]));
        assert_eq!(take_request(&mut bytes).unwrap().method, "GET");
        assert!(bytes.is_empty());
    }
}
