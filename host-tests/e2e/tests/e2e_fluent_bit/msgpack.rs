//! A MessagePack encoder for values that JSON lacks.

/// An encoded value.
#[derive(Clone)]
pub struct Packed(pub Vec<u8>);

pub fn text(text: &str) -> Packed {
    let mut bytes = vec![0xdb];
    bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    Packed(bytes)
}

pub fn binary(content: &[u8]) -> Packed {
    let mut bytes = vec![0xc6];
    bytes.extend_from_slice(&u32::try_from(content.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(content);
    Packed(bytes)
}

pub fn float(number: f64) -> Packed {
    let mut bytes = vec![0xcb];
    bytes.extend_from_slice(&number.to_be_bytes());
    Packed(bytes)
}

pub fn integer(number: i64) -> Packed {
    let mut bytes = vec![0xd3];
    bytes.extend_from_slice(&number.to_be_bytes());
    Packed(bytes)
}

/// Encodes an extension of four bytes.
pub fn extension(kind: u8, content: [u8; 4]) -> Packed {
    let mut bytes = vec![0xd6, kind];
    bytes.extend_from_slice(&content);
    Packed(bytes)
}

pub fn list(items: &[Packed]) -> Packed {
    let mut bytes = vec![0xdd];
    bytes.extend_from_slice(&u32::try_from(items.len()).unwrap().to_be_bytes());
    items.iter().for_each(|item| bytes.extend_from_slice(&item.0));
    Packed(bytes)
}

pub fn map(members: &[(Packed, Packed)]) -> Packed {
    let mut bytes = vec![0xdf];
    bytes.extend_from_slice(&u32::try_from(members.len()).unwrap().to_be_bytes());
    for (key, value) in members {
        bytes.extend_from_slice(&key.0);
        bytes.extend_from_slice(&value.0);
    }
    Packed(bytes)
}
