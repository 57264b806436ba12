//! The subset of Envoy's expression language that the filter uses: a list of attributes.
//!
//! An item is a path, or `'name' in request.headers ? request.headers['name'] : ''`. Anything else is refused like a
//! syntax error.

use super::context::readable;
use super::{Stream, StreamPhase};
use crate::proxy_wasm::abi::MapType;

/// A parsed list expression.
#[derive(Clone, Debug)]
pub(super) struct ListExpression(Vec<ListItem>);

#[derive(Clone, Debug)]
enum ListItem {
    Attribute(Vec<String>),
    RequestHeader(String),
}

impl ListExpression {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let body = text.trim().strip_prefix('[')?.strip_suffix(']')?;
        body.split(',').map(|item| ListItem::parse(item.trim())).collect::<Option<_>>().map(Self)
    }

    /// Evaluates all items; `None` if one of them has no value.
    pub(super) fn evaluate(&self, stream: &Stream, phase: StreamPhase) -> Option<Vec<Vec<u8>>> {
        self.0.iter().map(|item| item.evaluate(stream, phase)).collect()
    }
}

impl ListItem {
    fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('\'') {
            let (name, rest) = rest.split_once('\'')?;
            let wanted = format!(" in request.headers ? request.headers['{name}'] : ''");
            let normalized = rest.split_whitespace().collect::<Vec<_>>().join(" ");
            return (normalized == wanted.trim()).then(|| Self::RequestHeader(name.to_owned()));
        }
        let is_name = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        text.split('.').all(is_name).then(|| Self::Attribute(text.split('.').map(str::to_owned).collect()))
    }

    fn evaluate(&self, stream: &Stream, phase: StreamPhase) -> Option<Vec<u8>> {
        match self {
            Self::Attribute(path) => {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                stream.property(&path, phase).ok()
            }
            Self::RequestHeader(name) => {
                readable(stream, phase, MapType::RequestHeaders)?;
                Some(stream.request_header(name).unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ListExpression, Stream, StreamPhase};

    #[test]
    fn a_list_is_evaluated_item_by_item_and_fails_as_a_whole() {
        let list = ListExpression::parse(
            "[xds.cluster_name, upstream.address,   'x-a' in request.headers ? request.headers['x-a'] : '']",
        );
        let list = list.expect("an expression that Envoy accepts");
        let stream = Stream::ok("cart").with_request_header("x-a", "1");
        let values = list.evaluate(&stream, StreamPhase::Log);
        assert_eq!(values, Some(vec![b"cart".to_vec(), b"10.0.0.1:80".to_vec(), b"1".to_vec()]));
        assert_eq!(list.evaluate(&Stream { host: None, ..stream }, StreamPhase::Log), None);
        assert!(
            ListExpression::parse("xds.cluster_name").is_none() && ListExpression::parse("[1 + 1]").is_none()
        );
    }
}
