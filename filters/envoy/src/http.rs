//! The HTTP filter on one exchange: what must be read before the end.

use crate::client::Client;
use crate::exchange;
use crate::host::Call;
use crate::root::Root;
use nearmiss::config::Mode;

/// What the HTTP filter keeps of an exchange under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HttpFilter {
    /// What the request said before the router changed it.
    client: Client,
    /// When it began, if that is asked for before the end.
    started: Option<u64>,
    is_marked: bool,
}

impl HttpFilter {
    /// The router overwrites what the caller's proxy and a gRPC client say, so it is read now.
    pub(crate) fn request(&mut self, call: &Call, root: &Root) {
        exchange::mark_seen(call);
        self.is_marked = true;
        if root.annotates {
            self.client = Client::whole(call);
            self.started = call.now().ok();
        } else if root.mode == Mode::Full {
            self.client = Client::early(call);
        }
    }

    /// Adds the provisional header, if that is asked for.
    pub(crate) fn response(&mut self, call: &Call, root: &mut Root) {
        if root.annotates {
            exchange::annotate_response(call, root, self.client, self.started);
        }
    }

    /// The exchange is over.
    pub(crate) fn log(&mut self, call: &Call, root: &mut Root) {
        if !self.is_marked {
            exchange::mark_seen(call);
        }
        exchange::take(call, root, Some(self.client));
    }
}
