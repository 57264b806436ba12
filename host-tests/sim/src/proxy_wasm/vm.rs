//! One VM: an instance of the module with its contexts, driven callback by callback.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use super::context::ContextState;
use super::process_state::{HttpCall, HttpCallResponse};
use super::vm_state::{InjectedFault, VmState};
use super::{CallCounts, Status, Stream, StreamPhase};

/// A running VM. Statistics and shared data belong to the [`Proxy`](super::Proxy) that started it, so that they outlive the VM.
pub struct Vm {
    pub(super) store: Store<VmState>,
    pub(super) instance: Instance,
    /// Callbacks that were called, each an `Option<TypedFunc>`: the types are checked once.
    callbacks: HashMap<&'static str, Box<dyn Any>>,
    next_context: u32,
    failed: bool,
}

/// Id of a plugin's root context.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RootId(pub(super) u32);

/// Id of an HTTP context: one filter on one stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FilterId(u32);

/// Id of an exchange, which several filters and loggers can observe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamId(usize);

/// A callback's deviation from what Envoy expects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The module refused its configuration; Envoy would keep the previous one.
    Refused,
    /// The module paused the stream.
    Paused(&'static str),
    /// The module trapped, or made a call that our filters must never make. The VM is dead.
    Trap(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => write!(f, "the module refused its configuration"),
            Self::Paused(callback) => write!(f, "{callback} paused the stream"),
            Self::Trap(why) => write!(f, "the module trapped: {why}"),
        }
    }
}

impl Vm {
    pub(super) fn new(store: Store<VmState>, instance: Instance) -> Self {
        Self { store, instance, callbacks: HashMap::new(), next_context: 2, failed: false }
    }

    /// Adds a plugin as Envoy does: with its own root context, also in a VM that already runs.
    pub fn configure(&mut self, configuration: &str) -> Result<RootId, Failure> {
        self.configure_bytes(configuration.as_bytes())
    }

    /// Adds a plugin with a configuration that need not be text.
    pub fn configure_bytes(&mut self, configuration: &[u8]) -> Result<RootId, Failure> {
        let id = self.add_context(None, None, configuration.to_vec());
        let size = u32::try_from(configuration.len()).expect("a configuration below 4 GiB");
        self.store.data_mut().configuring = true;
        let accepted = self.start_root(id, size);
        self.store.data_mut().configuring = false;
        if !accepted? {
            return Err(Failure::Refused);
        }
        Ok(RootId(id))
    }

    fn start_root(&mut self, id: u32, size: u32) -> Result<bool, Failure> {
        self.call::<_, ()>(id, "proxy_on_context_create", (id, 0_u32))?;
        let started = self.call::<_, u32>(id, "proxy_on_vm_start", (id, 0_u32))?;
        let accepted = self.call::<_, u32>(id, "proxy_on_configure", (id, size))?;
        Ok(started != Some(0) && accepted != Some(0))
    }

    /// Replaces the configuration of a plugin as xDS does: starts the new root, then shuts down the old one.
    pub fn reconfigure(&mut self, old: RootId, configuration: &str) -> Result<RootId, Failure> {
        let new = self.configure(configuration)?;
        self.shut_down(old)?;
        Ok(new)
    }

    /// Shuts down a plugin: `on_done`, and `on_delete` if the module is done at once.
    pub fn shut_down(&mut self, root: RootId) -> Result<(), Failure> {
        if self.call::<_, u32>(root.0, "proxy_on_done", root.0)? != Some(0) {
            self.call::<_, ()>(root.0, "proxy_on_delete", root.0)?;
        }
        self.store.data_mut().contexts.remove(&root.0);
        Ok(())
    }

    /// Fires the plugin's timer.
    pub fn tick(&mut self, root: RootId) -> Result<(), Failure> {
        self.call::<_, ()>(root.0, "proxy_on_tick", root.0).map(drop)
    }

    /// Returns the period set with `proxy_set_tick_period_milliseconds`.
    pub fn tick_period_ms(&self, root: RootId) -> u32 {
        self.store.data().contexts.get(&root.0).map_or(0, |context| context.tick_ms)
    }

    /// Returns the HTTP calls dispatched since the last call.
    pub fn take_http_calls(&mut self) -> Vec<HttpCall> {
        std::mem::take(&mut self.store.data_mut().http_calls)
    }

    /// Delivers the response to an HTTP call; `None` if the call failed.
    pub fn http_call_response(
        &mut self,
        root: RootId,
        token: u32,
        response: Option<HttpCallResponse>,
    ) -> Result<(), Failure> {
        let (headers, body) =
            response.as_ref().map_or((0, 0), |response| (response.headers.len(), response.body.len()));
        self.store.data_mut().http_call_response = response;
        let arguments = (root.0, token, count(headers), count(body), 0_u32);
        let result = self.call::<_, ()>(root.0, "proxy_on_http_call_response", arguments).map(drop);
        self.store.data_mut().http_call_response = None;
        result
    }

    /// Adds an exchange that no filter observes yet.
    pub fn add_stream(&mut self, stream: Stream) -> StreamId {
        let streams = &mut self.store.data_mut().streams;
        streams.push(stream);
        StreamId(streams.len() - 1)
    }

    /// Returns the exchange in its current state.
    pub fn stream(&mut self, key: StreamId) -> &mut Stream {
        &mut self.store.data_mut().streams[key.0]
    }

    /// Runs `on_context_create` and `on_request_headers` of an HTTP filter.
    pub fn request_headers(&mut self, root: RootId, key: StreamId) -> Result<FilterId, Failure> {
        let filter = self.create_context(root, key)?;
        let count = count(self.stream(key).request_headers.len());
        self.headers(filter, StreamPhase::Request, "proxy_on_request_headers", count)?;
        Ok(filter)
    }

    /// Runs `on_context_create` alone, for a stream that ends before its headers are complete.
    pub fn create_context(&mut self, root: RootId, key: StreamId) -> Result<FilterId, Failure> {
        let id = self.add_context(Some(root.0), Some(key.0), Vec::new());
        self.call::<_, ()>(id, "proxy_on_context_create", (id, root.0))?;
        Ok(FilterId(id))
    }

    /// Runs `on_response_headers` if there is a response.
    pub fn response_headers(&mut self, filter: FilterId) -> Result<(), Failure> {
        let state = self.store.data();
        let stream = state.contexts[&filter.0].stream.map(|index| &state.streams[index]);
        let Some(headers) = stream.and_then(|stream| stream.response_headers.as_ref()) else { return Ok(()) };
        let count = count(headers.len());
        self.headers(filter, StreamPhase::Response, "proxy_on_response_headers", count)
    }

    /// Runs `on_response_trailers` if there are any.
    pub fn response_trailers(&mut self, filter: FilterId) -> Result<(), Failure> {
        let state = self.store.data();
        let stream = state.contexts[&filter.0].stream.map(|index| &state.streams[index]);
        let Some(trailers) = stream.and_then(|stream| stream.response_trailers.as_ref()) else {
            return Ok(());
        };
        let count = count(trailers.len());
        self.set_phase(filter.0, StreamPhase::Trailers);
        let action = self.call::<_, u32>(filter.0, "proxy_on_response_trailers", (filter.0, count));
        self.set_phase(filter.0, StreamPhase::Between);
        match action? {
            None | Some(0) => Ok(()),
            Some(_) => Err(Failure::Paused("proxy_on_response_trailers")),
        }
    }

    /// Ends a stream without `on_log`, as Envoy does over HTTP/3: the rest of its data can be read in `on_done`.
    pub fn end_without_log(&mut self, filter: FilterId) -> Result<(), Failure> {
        self.set_phase(filter.0, StreamPhase::Log);
        self.call::<_, u32>(filter.0, "proxy_on_done", filter.0)?;
        self.call::<_, ()>(filter.0, "proxy_on_delete", filter.0)?;
        self.store.data_mut().contexts.remove(&filter.0);
        Ok(())
    }

    /// Ends a stream: `on_log`, `on_done`, `on_delete`.
    pub fn end_stream(&mut self, filter: FilterId) -> Result<(), Failure> {
        self.log_phase(filter.0, None)?;
        self.call::<_, u32>(filter.0, "proxy_on_done", filter.0)?;
        self.call::<_, ()>(filter.0, "proxy_on_delete", filter.0)?;
        self.store.data_mut().contexts.remove(&filter.0);
        Ok(())
    }

    /// Runs `on_log` of an access logger, on its root context.
    pub fn access_log(&mut self, root: RootId, key: StreamId) -> Result<(), Failure> {
        self.log_phase(root.0, Some(key.0))
    }

    /// Runs a whole exchange through an HTTP filter.
    ///
    /// # Panics
    ///
    /// If the module traps or pauses the stream.
    pub fn exchange(&mut self, root: RootId, stream: Stream) -> Stream {
        self.try_exchange(Some(root), None, stream).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Runs a whole exchange through an access logger.
    ///
    /// # Panics
    ///
    /// If the module traps.
    pub fn log_exchange(&mut self, root: RootId, stream: Stream) -> Stream {
        self.try_exchange(None, Some(root), stream).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Runs a whole exchange through an HTTP filter, an access logger, or both.
    pub fn try_exchange(
        &mut self,
        filter: Option<RootId>,
        log: Option<RootId>,
        stream: Stream,
    ) -> Result<Stream, Failure> {
        let key = self.add_stream(stream);
        if let Some(root) = filter {
            let filter = self.request_headers(root, key)?;
            self.response_headers(filter)?;
            self.response_trailers(filter)?;
            self.end_stream(filter)?;
        }
        if let Some(root) = log {
            self.access_log(root, key)?;
        }
        let streams = &mut self.store.data_mut().streams;
        debug_assert_eq!(key.0 + 1, streams.len(), "overlapping streams are driven callback by callback");
        Ok(streams.swap_remove(key.0))
    }

    /// Makes the `nth` call (from 1, counted from now on) of `call` fail once; 0 makes every call fail.
    pub fn inject(&mut self, call: &'static str, nth: u64, status: Status) {
        let fault = InjectedFault { call, passes: nth.checked_sub(1), status };
        self.store.data_mut().faults.push(fault);
    }

    /// Removes the injected faults that did not occur.
    pub fn clear_faults(&mut self) {
        self.store.data_mut().faults.clear();
    }

    /// Returns the counts of hostcalls since the last call.
    pub fn take_calls(&mut self) -> CallCounts {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    /// Returns the size of the module's linear memory.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// Returns the instructions since the start, 0 if the engine does not count them.
    pub fn fuel(&self) -> u64 {
        self.store.get_fuel().map_or(0, |remaining| u64::MAX - remaining)
    }

    /// Refuses any further growth of memory.
    pub fn refuse_all_growth(&mut self) {
        self.refuse_growth(1, u64::MAX);
    }

    /// Makes `times` growths of memory fail, starting with the `nth` (from 1, counted from now on).
    pub fn refuse_growth(&mut self, nth: u64, times: u64) {
        let growth = &mut self.store.data_mut().growth;
        let first = growth.times + nth;
        growth.refused = first..first.saturating_add(times);
    }

    /// Returns the number of memory growths since the start.
    pub fn growths(&self) -> u64 {
        self.store.data().growth.times
    }

    fn headers(
        &mut self,
        filter: FilterId,
        phase: StreamPhase,
        callback: &'static str,
        count: u32,
    ) -> Result<(), Failure> {
        self.set_phase(filter.0, phase);
        let action = self.call::<_, u32>(filter.0, callback, (filter.0, count, 1_u32));
        self.set_phase(filter.0, StreamPhase::Between);
        match action? {
            None | Some(0) => Ok(()),
            Some(_) => Err(Failure::Paused(callback)),
        }
    }

    fn log_phase(&mut self, id: u32, stream: Option<usize>) -> Result<(), Failure> {
        self.set_phase(id, StreamPhase::Log);
        let is_root = stream.is_some();
        if is_root {
            self.context(id).stream = stream;
        }
        let result = self.call::<_, ()>(id, "proxy_on_log", id).map(drop);
        self.set_phase(id, StreamPhase::Between);
        if is_root {
            self.context(id).stream = None;
        }
        result
    }

    fn add_context(&mut self, root: Option<u32>, stream: Option<usize>, configuration: Vec<u8>) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        let root = root.unwrap_or(id);
        let context = ContextState { root, stream, phase: StreamPhase::Between, configuration, tick_ms: 0 };
        self.store.data_mut().contexts.insert(id, context);
        id
    }

    fn context(&mut self, id: u32) -> &mut ContextState {
        self.store.data_mut().contexts.get_mut(&id).expect("a context that was not deleted")
    }

    fn set_phase(&mut self, id: u32, phase: StreamPhase) {
        self.context(id).phase = phase;
    }

    /// Calls an export; `None` if the module does not export it, which Envoy treats as success.
    pub(super) fn call<P: WasmParams + 'static, R: WasmResults + 'static>(
        &mut self,
        context: u32,
        name: &'static str,
        arguments: P,
    ) -> Result<Option<R>, Failure> {
        if self.failed {
            return Err(Failure::Trap(format!("{name} on a VM that is dead")));
        }
        let callback = self.callbacks.entry(name).or_insert_with(|| {
            let function = self.instance.get_typed_func::<P, R>(&mut self.store, name).ok();
            let exported = self.instance.get_func(&mut self.store, name).is_some();
            assert!(
                function.is_some() || !exported,
                "{name} is exported with another signature than the ABI's"
            );
            Box::new(function)
        });
        let function: &Option<TypedFunc<P, R>> = callback.downcast_ref().expect("one type for each name");
        let Some(function) = function else { return Ok(None) };
        self.store.data_mut().active = context;
        function.call(&mut self.store, arguments).map(Some).map_err(|error| {
            self.failed = true;
            Failure::Trap(format!("{name}: {error:?}"))
        })
    }
}

fn count(headers: usize) -> u32 {
    u32::try_from(headers).expect("fewer headers than 4 billion")
}
