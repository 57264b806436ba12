//! The module's state in one VM, and which callback goes where.
//!
//! Envoy runs one VM per worker and one more on its main thread that never sees traffic; a VM outlives updates of its
//! plugins. So nothing is set up before the first exchange, and what plugins have learned is kept by their identity.

use crate::host::{Call, Level};
use crate::http::HttpFilter;
use crate::ids::IdMap;
use crate::root::Root;
use crate::upstream::UpstreamFilter;
use alloc::vec::Vec;
use core::cell::RefCell;
use nearmiss::config::Attach;
use nearmiss_wasm_rt::local;

local! {
    static MODULE: RefCell<Module> = RefCell::new(Module::new());
}

/// Everything this VM remembers.
pub(crate) struct Module {
    roots: Vec<Root>,
    streams: IdMap<Stream>,
}

/// A filter on a stream.
struct Stream {
    root: u32,
    filter: Filter,
}

enum Filter {
    Http(HttpFilter),
    Upstream(UpstreamFilter),
}

/// Does something with the module's state; `otherwise` while that is in use.
pub(crate) fn with<R>(otherwise: R, body: impl FnOnce(&mut Module) -> R) -> R {
    MODULE.with(|module| match module.try_borrow_mut() {
        Ok(mut module) => body(&mut module),
        Err(_) => otherwise,
    })
}

impl Module {
    const fn new() -> Self {
        Self { roots: Vec::new(), streams: IdMap::with_hasher(core::hash::BuildHasherDefault::new()) }
    }

    /// A context begins: a plugin's root if it has no parent, else a stream of that plugin.
    pub(crate) fn create(&mut self, context: u32, parent: u32) {
        if parent == 0 {
            self.root(context);
        } else if let Some(root) = self.known_root(parent) {
            let filter = match root.attach {
                Attach::Upstream => Filter::Upstream(UpstreamFilter::default()),
                Attach::Http | Attach::Log => Filter::Http(HttpFilter::default()),
            };
            self.streams.insert(context, Stream { root: parent, filter });
        }
    }

    /// A plugin gets its configuration; false refuses it.
    pub(crate) fn configure(&mut self, call: &Call, context: u32, size: usize) -> bool {
        let identity = crate::root::identity(call);
        let siblings: Vec<_> =
            self.roots.iter().filter(|root| root.id != context).filter_map(Root::watch).collect();
        let text = call.configuration(size).unwrap_or_default();
        let Some(root) = self.root(context) else { return false };
        match root.configure(call, text, identity, &siblings) {
            Ok(()) => true,
            Err(error) => {
                call.log(Level::Error, short(&alloc::format!("nearmiss: {error}")));
                false
            }
        }
    }

    /// Time passes.
    pub(crate) fn tick(&mut self, call: &Call, root: u32) {
        if let Some(watch) = self.known_root(root).and_then(|root| root.watch()) {
            watch.borrow_mut().tick(call);
        }
    }

    /// A call of a plugin's own is answered, or will not be.
    pub(crate) fn answered(&mut self, call: &Call, root: u32, token: u32, size: usize) {
        if let Some(watch) = self.known_root(root).and_then(|root| root.watch()) {
            watch.borrow_mut().answered(call, token, size);
        }
    }

    /// The headers of a request are there.
    pub(crate) fn request(&mut self, call: &Call, context: u32) {
        let somebody_judges = self.roots.iter().any(|root| root.attach != Attach::Upstream);
        match self.filter(context) {
            Some((root, Filter::Http(filter))) => filter.request(call, root),
            Some((root, Filter::Upstream(filter))) => {
                filter.request(call);
                if !somebody_judges {
                    root.count_attempt(call);
                }
            }
            None => {}
        }
    }

    /// The headers of a response are there.
    pub(crate) fn response(&mut self, call: &Call, context: u32) {
        match self.filter(context) {
            Some((root, Filter::Http(filter))) => filter.response(call, root),
            Some((_, Filter::Upstream(filter))) => filter.response(call),
            None => {}
        }
    }

    /// An exchange is over: for an HTTP filter its stream is told, for an access logger the root.
    pub(crate) fn log(&mut self, call: &Call, context: u32) {
        match self.filter(context) {
            Some((root, Filter::Http(filter))) => filter.log(call, root),
            Some((_, Filter::Upstream(_))) => {}
            None => {
                if let Some(root) = self.known_root(context) {
                    root.log(call);
                }
            }
        }
    }

    /// A context ends.
    pub(crate) fn done(&mut self, call: &Call, context: u32) {
        if let Some(stream) = self.streams.remove(&context) {
            if let Filter::Upstream(filter) = stream.filter {
                filter.done(call);
            }
        } else if let Some(place) = self.roots.iter().position(|root| root.id == context) {
            self.roots.swap_remove(place).finish(call);
        }
    }

    fn filter(&mut self, context: u32) -> Option<(&mut Root, &mut Filter)> {
        let stream = self.streams.get_mut(&context)?;
        let root = self.roots.iter_mut().find(|root| root.id == stream.root)?;
        Some((root, &mut stream.filter))
    }

    fn known_root(&mut self, context: u32) -> Option<&mut Root> {
        self.roots.iter_mut().find(|root| root.id == context)
    }

    /// The root of that id; a new one if there is none.
    fn root(&mut self, context: u32) -> Option<&mut Root> {
        if !self.roots.iter().any(|root| root.id == context) {
            self.roots.push(Root::new(context));
        }
        self.known_root(context)
    }
}

/// What fits into one line of a log that people read: a configuration can have a field of any length.
fn short(line: &str) -> &str {
    const MAX: usize = 500;
    line.get(..line.floor_char_boundary(MAX)).unwrap_or(line)
}
