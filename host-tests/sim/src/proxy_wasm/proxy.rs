//! A process: one compiled module, any number of VMs, one set of statistics.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::LazyLock;

use wasmtime::{Engine, ExternType, InstancePre, Linker, Module, Store};

use super::abi::{RANDOM_GET, SUPPORTED};
use super::process_state::{EnvoyLogLine, Metric, ProcessState};
use super::vm_state::VmState;
use super::{Failure, Vm, hostcalls};

/// Initial time.
const START_NS: u64 = 1_795_423_550_000_000_000;

/// One Envoy process, whose VMs share its state.
pub struct Proxy {
    engine: Engine,
    /// The module with its imports resolved, once for all VMs.
    module: InstancePre<VmState>,
    process: Rc<RefCell<ProcessState>>,
}

impl Proxy {
    /// Starts a process with the Envoy module as it ships, which each program compiles once.
    ///
    /// # Panics
    ///
    /// If the module is missing or stale, or Envoy would not load it.
    pub fn shipped() -> Self {
        static COMPILED: LazyLock<(Engine, Module)> = LazyLock::new(|| {
            let engine = Engine::default();
            let module = Module::from_file(&engine, artifact::envoy_module());
            (engine, module.unwrap_or_else(|error| panic!("no module: {error:?}")))
        });
        let (engine, module) = &*COMPILED;
        Self::from_module(engine.clone(), module.clone())
    }

    /// Loads a module and checks it as Envoy does: ABI version, and no unknown imports.
    ///
    /// # Panics
    ///
    /// If Envoy would not load it.
    pub fn load(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::from_bytes(&bytes)
    }

    /// Loads a module from bytes or from WebAssembly text.
    ///
    /// # Panics
    ///
    /// If Envoy would not load it.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let engine = Engine::default();
        let module = Module::new(&engine, bytes).unwrap_or_else(|error| panic!("no module: {error:?}"));
        Self::from_module(engine, module)
    }

    /// Wraps a compiled module.
    ///
    /// # Panics
    ///
    /// If Envoy would not load it.
    pub fn from_module(engine: Engine, module: Module) -> Self {
        for import in module.imports() {
            let path = (import.module(), import.name());
            let is_known = path == RANDOM_GET || path.0 == "env" && SUPPORTED.contains(&path.1);
            assert!(is_known, "Envoy offers no `{}.{}`", import.module(), import.name());
        }
        let exports: BTreeMap<_, _> =
            module.exports().map(|export| (export.name().to_owned(), export.ty())).collect();
        assert!(exports.contains_key("proxy_abi_version_0_2_1"), "no marker of ABI 0.2.1");
        assert!(matches!(exports.get("memory"), Some(ExternType::Memory(_))), "no exported memory");
        let mut linker = Linker::new(&engine);
        hostcalls::link(&mut linker).expect("no name is defined twice");
        linker.define_unknown_imports_as_traps(&module).expect("the rest traps when called");
        let module = linker.instantiate_pre(&module).unwrap_or_else(|error| panic!("no module: {error:?}"));
        let process = Rc::new(RefCell::new(ProcessState::at(START_NS)));
        Self { engine, module, process }
    }

    /// Starts another process with the same compiled module.
    pub fn new_process(&self) -> Self {
        let process = Rc::new(RefCell::new(ProcessState::at(START_NS)));
        Self { engine: self.engine.clone(), module: self.module.clone(), process }
    }

    /// Starts a VM that will see traffic.
    ///
    /// # Panics
    ///
    /// If the module cannot be instantiated.
    pub fn worker(&self) -> Vm {
        let mut store = Store::new(&self.engine, VmState::new(Rc::clone(&self.process)));
        store.limiter(|state| &mut state.growth);
        // Fails in an engine that does not count fuel.
        let _ = store.set_fuel(u64::MAX);
        let instance = self.module.instantiate(&mut store).unwrap_or_else(|error| {
            panic!("the module does not start: {error:?}");
        });
        let memory = instance.get_memory(&mut store, "memory");
        let allocate = ["malloc", "proxy_on_memory_allocate"]
            .iter()
            .find_map(|name| instance.get_typed_func::<u32, u32>(&mut store, name).ok());
        assert!(allocate.is_some(), "the module exports neither malloc nor proxy_on_memory_allocate");
        store.data_mut().memory = memory;
        store.data_mut().allocate = allocate.map(Rc::new);
        for initialize in ["_initialize", "_start"] {
            if let Ok(function) = instance.get_typed_func::<(), ()>(&mut store, initialize) {
                function.call(&mut store, ()).unwrap_or_else(|error| panic!("{initialize}: {error:?}"));
                break;
            }
        }
        Vm::new(store, instance)
    }

    /// Validates a configuration in a canary VM that never sees traffic, as Envoy does.
    pub fn canary(&self, configuration: &[u8]) -> Result<(), Failure> {
        let mut vm = self.worker();
        let root = vm.configure_bytes(configuration)?;
        vm.shut_down(root)
    }

    /// Delivers a configuration as xDS does: canary, main thread, then each worker.
    pub fn deliver(
        &self,
        configuration: &str,
        workers: &mut [&mut Vm],
    ) -> Result<Vec<super::RootId>, Failure> {
        self.canary(configuration.as_bytes())?;
        workers.iter_mut().map(|vm| vm.configure(configuration)).collect()
    }

    /// Sets the clock, which never moves by itself.
    pub fn set_clock_us(&self, now: u64) {
        self.process.borrow_mut().now_ns = now * 1_000;
    }

    /// Makes every random byte zero, so that sources of summaries are known.
    pub fn set_zero_random(&self) {
        self.process.borrow_mut().has_zero_random = true;
    }

    /// Returns the time of the clock.
    pub fn clock_us(&self) -> u64 {
        self.process.borrow().now_ns / 1_000
    }

    /// Returns the lines logged since the last call.
    pub fn take_log(&self) -> Vec<EnvoyLogLine> {
        std::mem::take(&mut self.process.borrow_mut().log)
    }

    /// Returns the records logged at info since the last call, without their prefix.
    pub fn take_records(&self) -> Vec<String> {
        let records =
            |line: EnvoyLogLine| line.text.strip_prefix("nearmiss {").map(|rest| format!("{{{rest}"));
        self.take_log().into_iter().filter(|line| line.level == 2).filter_map(records).collect()
    }

    /// Returns all statistics by name.
    pub fn metrics(&self) -> Ref<'_, BTreeMap<String, Metric>> {
        Ref::map(self.process.borrow(), |process| &process.metrics)
    }

    /// Returns the value of a counter, 0 if it is undefined.
    pub fn counter(&self, name: &str) -> u64 {
        self.metrics().get(name).map_or(0, |metric| metric.value)
    }

    /// Returns `nearmiss_exchanges_total` of one upstream by fate, without zeros.
    pub fn fates(&self, upstream: &str) -> BTreeMap<String, u64> {
        let head = format!("nearmiss.upstream=.={upstream};.;fate=.=");
        let tail = ";.;exchanges_total";
        let fate = |name: &str| Some(name.strip_prefix(&head)?.strip_suffix(tail)?.to_owned());
        let metrics = self.metrics();
        let counted = metrics.iter().filter_map(|(name, metric)| Some((fate(name)?, metric.value)));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// Returns the size of all shared-data values.
    pub fn shared_bytes(&self) -> usize {
        self.process.borrow().data.values().map(|(value, _)| value.len()).sum()
    }

    /// Returns all values of shared data.
    pub fn shared_values(&self) -> Vec<Vec<u8>> {
        self.process.borrow().data.values().map(|(value, _)| value.clone()).collect()
    }

    /// Returns all keys of shared data.
    pub fn shared_keys(&self) -> Vec<Vec<u8>> {
        self.process.borrow().data.keys().cloned().collect()
    }
}
