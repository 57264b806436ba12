//! JSON text: writing records, showing values in errors, and finding the members of an object without a parser.

pub mod outline;
pub(crate) mod parsed;
pub mod tokens;
pub(crate) mod value;
pub mod write;
