//! As much of Envoy's expression language as we mean to use: a list of attributes.
//!
//! An item is a path, or `'name' in request.headers ? request.headers['name'] : ''`. Anything else is refused, as
//! a syntax error would be.

use super::context::readable;
use super::{Phase, Stream};
use crate::sim::proxy_wasm::abi::MapType;

/// What a list expression asks for.
#[derive(Clone, Debug)]
pub(super) struct List(Vec<Item>);

#[derive(Clone, Debug)]
enum Item {
    Attribute(Vec<String>),
    RequestHeader(String),
}

impl List {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let inside = text.trim().strip_prefix('[')?.strip_suffix(']')?;
        inside.split(',').map(|item| Item::parse(item.trim())).collect::<Option<_>>().map(Self)
    }

    /// The items' values; nothing if one of them has none.
    pub(super) fn evaluate(&self, stream: &Stream, phase: Phase) -> Option<Vec<Vec<u8>>> {
        self.0.iter().map(|item| item.evaluate(stream, phase)).collect()
    }
}

impl Item {
    fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('\'') {
            let (name, rest) = rest.split_once('\'')?;
            let wanted = format!(" in request.headers ? request.headers['{name}'] : ''");
            let squeezed = rest.split_whitespace().collect::<Vec<_>>().join(" ");
            return (squeezed == wanted.trim()).then(|| Self::RequestHeader(name.to_owned()));
        }
        let is_name = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        text.split('.').all(is_name).then(|| Self::Attribute(text.split('.').map(str::to_owned).collect()))
    }

    fn evaluate(&self, stream: &Stream, phase: Phase) -> Option<Vec<u8>> {
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
    use super::{List, Phase, Stream};

    #[test]
    fn a_list_is_evaluated_item_by_item_and_fails_as_a_whole() {
        let list = List::parse(
            "[xds.cluster_name, upstream.address,   'x-a' in request.headers ? request.headers['x-a'] : '']",
        );
        let list = list.expect("an expression that Envoy takes");
        let stream = Stream::ok("cart").with_request_header("x-a", "1");
        let values = list.evaluate(&stream, Phase::Log);
        assert_eq!(values, Some(vec![b"cart".to_vec(), b"10.0.0.1:80".to_vec(), b"1".to_vec()]));
        assert_eq!(list.evaluate(&Stream { host: None, ..stream }, Phase::Log), None);
        assert!(List::parse("xds.cluster_name").is_none() && List::parse("[1 + 1]").is_none());
    }
}
