//! The default route: of a line that names no route, the first segment of the path of its request.
//!
//! Formats put the request line, or the path, into quotes. So the quoted values of a line are looked at, whatever its format. CloudFront
//! and LTSV separate bare values with tabs.

/// The route of a path that has no usable first segment.
const OTHER: &str = "other";

/// The maximum length of a default route in bytes.
const MAX_LENGTH: usize = 32;

/// The keys of paths and addresses, in lower case.
const KEYS: [&[u8]; 16] = [
    b"path",
    b":path",
    b"uri",
    b"url",
    b"uri_path",
    b"request_uri",
    b"request_path",
    b"request_url",
    b"requestpath",
    b"requesturi",
    b"requesturl",
    b"clientrequesturi",
    b"clientrequestpath",
    b"reqpath",
    b"x-envoy-origin-path",
    b"http_path",
];

/// Returns the default route of a line whose request or path is in quotes that open at `quote`.
pub(crate) fn of_quoted(line: &[u8], quote: usize) -> Option<&str> {
    let value = line.get(quote + 1..)?;
    let target = match value.first()? {
        b'A'..=b'Z' => after_method(value),
        b'/' | b'h' if has_path_key(line.get(..quote)?) => Some(value),
        _ => None,
    };
    target.and_then(of_target)
}

/// Returns the default route of a line of values that are separated by tabs, some of them behind a key and a colon.
pub(crate) fn of_tab_separated(line: &[u8]) -> Option<&str> {
    line.split(|byte| *byte == b'\t').find_map(|field| {
        let colon = field.iter().position(|byte| *byte == b':');
        match colon.and_then(|colon| field.split_at_checked(colon)) {
            Some((b"req" | b"request", request)) => of_request(request.get(1..)?),
            Some((key, path)) if is_path_key(key) => of_request(path.get(1..)?),
            _ => Some(field).filter(|field| field.starts_with(b"/")).and_then(of_request),
        }
    })
}

/// Returns the default route of a request line, a path or an address; `None` if it is none of these.
pub(crate) fn of_request(value: &[u8]) -> Option<&str> {
    of_target(after_method(value).unwrap_or(value))
}

/// Returns the target of a request line: what follows its method.
pub(crate) fn after_method(value: &[u8]) -> Option<&[u8]> {
    let method = value.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    value.get(method..)?.strip_prefix(b" ").filter(|_| method > 0)
}

/// Returns the default route of a target: a path, or an address with its scheme.
fn of_target(target: &[u8]) -> Option<&str> {
    let after_scheme = target.strip_prefix(b"https://").or_else(|| target.strip_prefix(b"http://"));
    let path = match after_scheme {
        Some(rest) => rest.get(rest.iter().position(|byte| !is_of_host(*byte))?..)?,
        None => target,
    };
    match path {
        [b'/', rest @ ..] => Some(first_segment(rest).unwrap_or(OTHER)),
        _ => after_scheme.map(|_| OTHER),
    }
}

fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'@')
}

/// Returns the first segment of a path, without its slash, if it can be a route.
fn first_segment(path: &[u8]) -> Option<&str> {
    let length =
        path.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'_' | b'-')).unwrap_or(path.len());
    let ends = matches!(path.get(length), None | Some(b'/' | b'?' | b'#' | b' ' | b'"' | b'\\' | b';'));
    let segment = path.get(..length).filter(|_| ends && (1..=MAX_LENGTH).contains(&length))?;
    core::str::from_utf8(segment).ok()
}

/// Returns true if the text before a quoted value ends with the key of a path, as in `"path":` or `path=`.
fn has_path_key(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let key = match before.strip_suffix(b":") {
        Some(before) => {
            let before = before.trim_ascii_end().strip_suffix(b"\"").unwrap_or_default();
            before.rsplit(|byte| *byte == b'"').next()
        }
        None => before
            .strip_suffix(b"=")
            .and_then(|before| before.rsplit(|byte| byte.is_ascii_whitespace()).next()),
    };
    key.is_some_and(is_path_key)
}

fn is_path_key(key: &[u8]) -> bool {
    KEYS.iter().any(|known| key.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn of_line(line: &str) -> Option<&str> {
        line.match_indices('"').find_map(|(quote, _)| of_quoted(line.as_bytes(), quote))
    }

    #[test]
    fn the_route_is_the_first_segment_of_the_path() {
        for (line, route) in [
            (
                r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET /cart/7?id=3 HTTP/1.1" 200 "-" "curl/8""#,
                "cart",
            ),
            (r#"- "GET /check-out_now HTTP/2.0""#, "check-out_now"),
            (r#"- "GET https://shop.test:443/cart?x HTTP/2.0""#, "cart"),
            (r#"{"referer":"/basket","request_uri":"/cart","status":200}"#, "cart"),
            (r#"{"RequestPath": "/cart;v=1"}"#, "cart"),
            (r#"{"httpRequest":{"requestUrl":"https://shop.test/cart/1"}}"#, "cart"),
            (r#"at=info method=GET path="/cart" host=shop.test"#, "cart"),
            (r#"{"method":"GET","uri":"/cart#top"}"#, "cart"),
        ] {
            assert_eq!(of_line(line), Some(route), "{line}");
        }
    }

    #[test]
    fn any_other_first_segment_is_other() {
        for path in
            ["/", "/?q=1", "/v1/cart", "/Cart", "/a.css", "/%20", "/4711", "/caf\u{e9}", "//cart", "/a,b"]
        {
            assert_eq!(of_request(path.as_bytes()), Some("other"), "{path}");
        }
        let long = format!("/{}", "a".repeat(33));
        assert_eq!(of_request(long.as_bytes()), Some("other"));
        assert_eq!(of_request(&long.as_bytes()[..33]), Some(&long[1..33]));
        assert_eq!(of_request(b"GET http://shop.test HTTP/1.1"), Some("other"));
    }

    #[test]
    fn values_between_tabs_need_no_quotes() {
        for line in [
            "time:[23/Nov/2026:10:00:00 +0000]\treq:GET /cart/7 HTTP/1.1\tstatus:200",
            "time:23/Nov/2026\thost:10.0.0.9\turi:/cart\tstatus:200",
            "2026-11-23\t08:00:00\tFRA6\t61\t192.0.2.9\tGET\td1.cloudfront.net\t/cart/7\t200\t-",
        ] {
            assert_eq!(of_tab_separated(line.as_bytes()), Some("cart"), "{line}");
        }
    }

    #[test]
    fn a_line_without_a_path_has_no_default_route() {
        for line in ["", "\"", r#"{"filename":"/var/log/access.log"}"#, r#"- "-" 408"#, r#""PRI * HTTP/2.0""#]
        {
            assert_eq!(of_line(line), None, "{line}");
        }
        assert_eq!(of_request(b"-"), None);
    }
}
