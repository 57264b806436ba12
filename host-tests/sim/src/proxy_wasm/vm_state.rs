//! The host's state of one VM, and the faults to inject into it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use wasmtime::{Error, Memory, ResourceLimiter, TypedFunc};

use super::context::ContextState;
use super::expression::ListExpression;
use super::process_state::{HttpCall, HttpCallResponse, MetricKind, ProcessState};
use super::{CallCounts, Status, Stream, StreamPhase};

/// The host's state of one VM.
pub(super) struct VmState {
    pub(super) process: Rc<RefCell<ProcessState>>,
    pub(super) contexts: BTreeMap<u32, ContextState>,
    pub(super) streams: Vec<Stream>,
    /// Id of the context whose callback is running.
    pub(super) active: u32,
    pub(super) configuring: bool,
    /// HTTP calls that the test has not taken yet.
    pub(super) http_calls: Vec<HttpCall>,
    pub(super) next_token: u32,
    /// The response passed to the running `on_http_call_response`; `None` outside of it and without a response.
    pub(super) http_call_response: Option<HttpCallResponse>,
    pub(super) calls: CallCounts,
    pub(super) faults: Vec<InjectedFault>,
    pub(super) metric_ids: Vec<(MetricKind, String)>,
    /// Expressions by token, each with the root that owns it.
    pub(super) expressions: Vec<(u32, ListExpression)>,
    pub(super) memory: Option<Memory>,
    pub(super) growth: MemoryGrowth,
    pub(super) allocate: Option<Rc<TypedFunc<u32, u32>>>,
}

impl VmState {
    pub(super) fn new(process: Rc<RefCell<ProcessState>>) -> Self {
        Self {
            process,
            contexts: BTreeMap::new(),
            streams: Vec::new(),
            active: 0,
            configuring: false,
            http_calls: Vec::new(),
            next_token: 1,
            http_call_response: None,
            calls: CallCounts::default(),
            faults: Vec::new(),
            metric_ids: Vec::new(),
            expressions: Vec::new(),
            memory: None,
            growth: MemoryGrowth::default(),
            allocate: None,
        }
    }

    /// Counts a call, and returns a status if a fault is due.
    pub(super) fn count_call(&mut self, call: &'static str) -> Option<Status> {
        *self.calls.by_name.entry(call).or_insert(0) += 1;
        let index = self.faults.iter().position(|fault| fault.call == call)?;
        let fault = &mut self.faults[index];
        match &mut fault.passes {
            None => Some(fault.status),
            Some(0) => Some(self.faults.remove(index).status),
            Some(passes) => {
                *passes -= 1;
                None
            }
        }
    }

    /// Returns the phase and stream of the active context.
    pub(super) fn current_stream(&mut self) -> (StreamPhase, Option<&mut Stream>) {
        let Some(context) = self.contexts.get(&self.active) else { return (StreamPhase::Between, None) };
        (context.phase, context.stream.and_then(|index| self.streams.get_mut(index)))
    }

    /// Returns true if the active context is a root, as for an access logger.
    pub(super) fn is_root_active(&self) -> bool {
        self.contexts.get(&self.active).is_some_and(|context| context.root == self.active)
    }
}

/// Counts the growths of memory and refuses some of them.
#[derive(Debug, Default)]
pub(super) struct MemoryGrowth {
    pub(super) times: u64,
    pub(super) refused: Range<u64>,
}

impl ResourceLimiter for MemoryGrowth {
    fn memory_growing(&mut self, current: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        // The initial memory of a module is not a growth.
        self.times += u64::from(current > 0);
        Ok(current == 0 || !self.refused.contains(&self.times))
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        Ok(true)
    }
}

/// A fault to inject.
#[derive(Clone, Debug)]
pub(super) struct InjectedFault {
    pub(super) call: &'static str,
    /// Number of calls that pass before the fault; `None` makes every call fail.
    pub(super) passes: Option<u64>,
    pub(super) status: Status,
}
