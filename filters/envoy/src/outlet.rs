//! Where records go: a line each in the proxy's log.

use crate::host::{Call, Level};
use alloc::string::String;
use nearmiss::Record;

/// The seam between what is said and how it leaves.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    line: String,
}

impl Outlet {
    /// Lets a record leave.
    pub(crate) fn emit(&mut self, call: &Call, record: &Record<'_>) {
        self.line.clear();
        self.line.push_str("nearmiss ");
        self.line.push_str(record.json);
        call.log(Level::Info, &self.line);
    }
}
