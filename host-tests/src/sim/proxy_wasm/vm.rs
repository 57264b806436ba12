//! One VM: an instance of the module with its contexts, driven callback by callback.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use wasmtime::{Error, Instance, Memory, ResourceLimiter, Store, TypedFunc, WasmParams, WasmResults};

use super::context::Context;
use super::expression::List;
use super::shared::{Answer, HttpCall, MetricKind, Shared};
use super::{BudgetedCalls, Phase, Status, Stream};

/// A running VM. Its memory lives as long as it does; statistics and shared data belong to the
/// [`Proxy`](super::Proxy) that started it.
pub struct Vm {
    pub(super) store: Store<Host>,
    pub(super) instance: Instance,
    next_context: u32,
    failed: bool,
}

/// A plugin's root context.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Root(u32);

/// A filter on one stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Filter(u32);

/// One exchange that several filters and loggers can look at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamKey(usize);

/// Why a callback did not do what Envoy expects of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The module refused its configuration; Envoy would keep the one before.
    Refused,
    /// The module held traffic up.
    Paused(&'static str),
    /// The module trapped, or called what it has no business calling. The VM is dead.
    Trap(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => write!(f, "the module refused its configuration"),
            Self::Paused(callback) => write!(f, "{callback} held traffic up"),
            Self::Trap(why) => write!(f, "the module trapped: {why}"),
        }
    }
}

/// The host's side of one VM.
pub(super) struct Host {
    pub(super) shared: Rc<RefCell<Shared>>,
    pub(super) contexts: BTreeMap<u32, Context>,
    pub(super) streams: Vec<Stream>,
    /// The context whose callback is under way.
    pub(super) active: u32,
    pub(super) configuring: bool,
    /// Calls that were not asked for yet.
    pub(super) http_calls: Vec<HttpCall>,
    pub(super) next_token: u32,
    /// The answer that is being told; `None` between answers and where there is none.
    pub(super) answer: Option<Answer>,
    pub(super) calls: BudgetedCalls,
    pub(super) faults: Vec<Fault>,
    pub(super) metric_ids: Vec<(MetricKind, String)>,
    /// By token: the root they belong to, and what they ask for.
    pub(super) expressions: Vec<(u32, List)>,
    pub(super) memory: Option<Memory>,
    pub(super) growth: Growth,
    pub(super) allocate: Option<TypedFunc<u32, u32>>,
}

/// How often memory has grown, and when it shall not.
#[derive(Debug, Default)]
pub(super) struct Growth {
    times: u64,
    refused: Range<u64>,
}

impl ResourceLimiter for Growth {
    fn memory_growing(&mut self, current: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        // The memory that a module starts with is no growth.
        self.times += u64::from(current > 0);
        Ok(current == 0 || !self.refused.contains(&self.times))
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        Ok(true)
    }
}

/// One failure to come.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) call: &'static str,
    /// Calls that still pass; `None` lets none pass, ever.
    pub(super) passes: Option<u64>,
    pub(super) status: Status,
}

impl Vm {
    pub(super) fn new(store: Store<Host>, instance: Instance) -> Self {
        Self { store, instance, next_context: 2, failed: false }
    }

    /// Adds a plugin as Envoy does: its own root context, also in a VM that runs already.
    pub fn configure(&mut self, configuration: &str) -> Result<Root, Failure> {
        self.configure_bytes(configuration.as_bytes())
    }

    /// The same with bytes that need not be text.
    pub fn configure_bytes(&mut self, configuration: &[u8]) -> Result<Root, Failure> {
        let id = self.add_context(None, None, configuration.to_vec());
        let size = u32::try_from(configuration.len()).expect("a configuration below 4 GiB");
        self.store.data_mut().configuring = true;
        let accepted = self.start_root(id, size);
        self.store.data_mut().configuring = false;
        if !accepted? {
            return Err(Failure::Refused);
        }
        Ok(Root(id))
    }

    fn start_root(&mut self, id: u32, size: u32) -> Result<bool, Failure> {
        self.call::<_, ()>(id, "proxy_on_context_create", (id, 0_u32))?;
        let started = self.call::<_, u32>(id, "proxy_on_vm_start", (id, 0_u32))?;
        let accepted = self.call::<_, u32>(id, "proxy_on_configure", (id, size))?;
        Ok(started != Some(0) && accepted != Some(0))
    }

    /// A new configuration for a plugin over xDS: the new root first, then the old one goes.
    pub fn reconfigure(&mut self, old: Root, configuration: &str) -> Result<Root, Failure> {
        let new = self.configure(configuration)?;
        self.shut_down(old)?;
        Ok(new)
    }

    /// The plugin goes: `on_done`, and `on_delete` if the module is done at once.
    pub fn shut_down(&mut self, root: Root) -> Result<(), Failure> {
        if self.call::<_, u32>(root.0, "proxy_on_done", root.0)? != Some(0) {
            self.call::<_, ()>(root.0, "proxy_on_delete", root.0)?;
        }
        self.store.data_mut().contexts.remove(&root.0);
        Ok(())
    }

    /// The plugin's timer.
    pub fn tick(&mut self, root: Root) -> Result<(), Failure> {
        self.call::<_, ()>(root.0, "proxy_on_tick", root.0).map(drop)
    }

    /// What the module set with `proxy_set_tick_period_milliseconds`.
    pub fn tick_period_ms(&self, root: Root) -> u32 {
        self.store.data().contexts.get(&root.0).map_or(0, |context| context.tick_ms)
    }

    /// The calls to clusters since the last time this was asked.
    pub fn take_http_calls(&mut self) -> Vec<HttpCall> {
        std::mem::take(&mut self.store.data_mut().http_calls)
    }

    /// A call is answered, or nothing came back.
    pub fn answer(&mut self, root: Root, token: u32, answer: Option<Answer>) -> Result<(), Failure> {
        let (headers, body) =
            answer.as_ref().map_or((0, 0), |answer| (answer.headers.len(), answer.body.len()));
        self.store.data_mut().answer = answer;
        let arguments = (root.0, token, count(headers), count(body), 0_u32);
        let result = self.call::<_, ()>(root.0, "proxy_on_http_call_response", arguments).map(drop);
        self.store.data_mut().answer = None;
        result
    }

    /// An exchange begins; nobody looks yet.
    pub fn arrive(&mut self, stream: Stream) -> StreamKey {
        let streams = &mut self.store.data_mut().streams;
        streams.push(stream);
        StreamKey(streams.len() - 1)
    }

    /// The exchange as it stands.
    pub fn stream(&mut self, key: StreamKey) -> &mut Stream {
        &mut self.store.data_mut().streams[key.0]
    }

    /// `on_context_create` and `on_request_headers` of an HTTP filter.
    pub fn request(&mut self, root: Root, key: StreamKey) -> Result<Filter, Failure> {
        let filter = self.open(root, key)?;
        let count = count(self.stream(key).request_headers.len());
        self.headers(filter, Phase::Request, "proxy_on_request_headers", count)?;
        Ok(filter)
    }

    /// `on_context_create` alone: a stream that ended before its headers were complete.
    pub fn open(&mut self, root: Root, key: StreamKey) -> Result<Filter, Failure> {
        let id = self.add_context(Some(root.0), Some(key.0), Vec::new());
        self.call::<_, ()>(id, "proxy_on_context_create", (id, root.0))?;
        Ok(Filter(id))
    }

    /// `on_response_headers`; nothing if no response came.
    pub fn response(&mut self, filter: Filter) -> Result<(), Failure> {
        let host = self.store.data();
        let stream = host.contexts[&filter.0].stream.map(|place| &host.streams[place]);
        let Some(headers) = stream.and_then(|stream| stream.response_headers.as_ref()) else { return Ok(()) };
        let count = count(headers.len());
        self.headers(filter, Phase::Response, "proxy_on_response_headers", count)
    }

    /// The end of a stream: `on_log`, `on_done`, `on_delete`.
    pub fn end(&mut self, filter: Filter) -> Result<(), Failure> {
        self.log_phase(filter.0, None)?;
        self.call::<_, u32>(filter.0, "proxy_on_done", filter.0)?;
        self.call::<_, ()>(filter.0, "proxy_on_delete", filter.0)?;
        self.store.data_mut().contexts.remove(&filter.0);
        Ok(())
    }

    /// `on_log` of an access logger: on the root context.
    pub fn access_log(&mut self, root: Root, key: StreamKey) -> Result<(), Failure> {
        self.log_phase(root.0, Some(key.0))
    }

    /// A whole exchange past an HTTP filter.
    ///
    /// # Panics
    ///
    /// If the module does anything but let it pass.
    pub fn exchange(&mut self, root: Root, stream: Stream) -> Stream {
        self.pass(Some(root), None, stream).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// A whole exchange past an access logger.
    ///
    /// # Panics
    ///
    /// If the module traps.
    pub fn logged(&mut self, root: Root, stream: Stream) -> Stream {
        self.pass(None, Some(root), stream).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// A whole exchange past an HTTP filter, an access logger, or both.
    pub fn pass(
        &mut self,
        filter: Option<Root>,
        log: Option<Root>,
        stream: Stream,
    ) -> Result<Stream, Failure> {
        let key = self.arrive(stream);
        if let Some(root) = filter {
            let filter = self.request(root, key)?;
            self.response(filter)?;
            self.end(filter)?;
        }
        if let Some(root) = log {
            self.access_log(root, key)?;
        }
        let streams = &mut self.store.data_mut().streams;
        debug_assert_eq!(key.0 + 1, streams.len(), "streams that overlap are driven by hand");
        Ok(streams.swap_remove(key.0))
    }

    /// Lets the `nth` call (from 1) of `call` fail from now on counted, once; 0: every call.
    pub fn inject(&mut self, call: &'static str, nth: u64, status: Status) {
        let fault = Fault { call, passes: nth.checked_sub(1), status };
        self.store.data_mut().faults.push(fault);
    }

    /// Failures that nothing ran into go away.
    pub fn clear_faults(&mut self) {
        self.store.data_mut().faults.clear();
    }

    /// What was called since the last time this was asked.
    pub fn take_calls(&mut self) -> BudgetedCalls {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    /// The module's linear memory.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// Instructions since it was started; 0 if the engine does not count them.
    pub fn fuel(&self) -> u64 {
        self.store.get_fuel().map_or(0, |left| u64::MAX - left)
    }

    /// From now on the module gets no more memory than it has.
    pub fn starve(&mut self) {
        self.refuse_growth(1, u64::MAX);
    }

    /// Lets the `nth` growth of memory (from 1) from now on fail, and the next ones, so many in all.
    pub fn refuse_growth(&mut self, nth: u64, times: u64) {
        let growth = &mut self.store.data_mut().growth;
        let first = growth.times + nth;
        growth.refused = first..first.saturating_add(times);
    }

    /// How often memory has grown since the VM was started.
    pub fn growths(&self) -> u64 {
        self.store.data().growth.times
    }

    fn headers(
        &mut self,
        filter: Filter,
        phase: Phase,
        callback: &'static str,
        count: u32,
    ) -> Result<(), Failure> {
        self.set_phase(filter.0, phase);
        let action = self.call::<_, u32>(filter.0, callback, (filter.0, count, 1_u32));
        self.set_phase(filter.0, Phase::Between);
        match action? {
            None | Some(0) => Ok(()),
            Some(_) => Err(Failure::Paused(callback)),
        }
    }

    fn log_phase(&mut self, id: u32, stream: Option<usize>) -> Result<(), Failure> {
        self.set_phase(id, Phase::Log);
        let is_root = stream.is_some();
        if is_root {
            self.context(id).stream = stream;
        }
        let result = self.call::<_, ()>(id, "proxy_on_log", id).map(drop);
        self.set_phase(id, Phase::Between);
        if is_root {
            self.context(id).stream = None;
        }
        result
    }

    fn add_context(&mut self, root: Option<u32>, stream: Option<usize>, configuration: Vec<u8>) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        let root = root.unwrap_or(id);
        let context = Context { root, stream, phase: Phase::Between, configuration, tick_ms: 0 };
        self.store.data_mut().contexts.insert(id, context);
        id
    }

    fn context(&mut self, id: u32) -> &mut Context {
        self.store.data_mut().contexts.get_mut(&id).expect("a context that was not deleted")
    }

    fn set_phase(&mut self, id: u32, phase: Phase) {
        self.context(id).phase = phase;
    }

    /// `None` if the module does not export it: Envoy then goes on as if it had agreed.
    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        context: u32,
        name: &'static str,
        arguments: P,
    ) -> Result<Option<R>, Failure> {
        if self.failed {
            return Err(Failure::Trap(format!("{name} on a VM that is dead")));
        }
        let Ok(function) = self.instance.get_typed_func::<P, R>(&mut self.store, name) else {
            let exported = self.instance.get_func(&mut self.store, name).is_some();
            assert!(!exported, "{name} is exported with another signature than the ABI's");
            return Ok(None);
        };
        self.store.data_mut().active = context;
        function.call(&mut self.store, arguments).map(Some).map_err(|error| {
            self.failed = true;
            Failure::Trap(format!("{name}: {error:?}"))
        })
    }
}

impl Host {
    pub(super) fn new(shared: Rc<RefCell<Shared>>) -> Self {
        Self {
            shared,
            contexts: BTreeMap::new(),
            streams: Vec::new(),
            active: 0,
            configuring: false,
            http_calls: Vec::new(),
            next_token: 1,
            answer: None,
            calls: BudgetedCalls::default(),
            faults: Vec::new(),
            metric_ids: Vec::new(),
            expressions: Vec::new(),
            memory: None,
            growth: Growth::default(),
            allocate: None,
        }
    }

    /// Counts a call, and says whether it is one that shall fail.
    pub(super) fn enter(&mut self, call: &'static str) -> Option<Status> {
        *self.calls.by_name.entry(call).or_insert(0) += 1;
        let place = self.faults.iter().position(|fault| fault.call == call)?;
        let fault = &mut self.faults[place];
        match &mut fault.passes {
            None => Some(fault.status),
            Some(0) => Some(self.faults.remove(place).status),
            Some(passes) => {
                *passes -= 1;
                None
            }
        }
    }

    /// The stream that the active context looks at, and in which phase.
    pub(super) fn looking_at(&mut self) -> (Phase, Option<&mut Stream>) {
        let Some(context) = self.contexts.get(&self.active) else { return (Phase::Between, None) };
        (context.phase, context.stream.and_then(|place| self.streams.get_mut(place)))
    }

    /// Whether the active context is a root; an access logger runs on one.
    pub(super) fn on_root(&self) -> bool {
        self.contexts.get(&self.active).is_some_and(|context| context.root == self.active)
    }
}

fn count(headers: usize) -> u32 {
    u32::try_from(headers).expect("fewer headers than 4 billion")
}
