//! A proxy with one worker and one plugin.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use host_tests::artifact;
use host_tests::sim::proxy_wasm::{Proxy, Root, Stream, Vm};
use wasmtime::{Engine, Module};

/// A process with the module, which is compiled once for all tests.
pub(crate) fn proxy() -> Proxy {
    static COMPILED: LazyLock<(Engine, Module)> = LazyLock::new(|| {
        let engine = Engine::default();
        let module = Module::from_file(&engine, artifact::envoy_module());
        (engine, module.unwrap_or_else(|error| panic!("{error:?}")))
    });
    let (engine, module) = &*COMPILED;
    Proxy::of(engine.clone(), module.clone())
}

/// One worker with the module in it.
pub(crate) struct Stage {
    pub(crate) proxy: Proxy,
    pub(crate) vm: Vm,
    pub(crate) root: Root,
}

impl Stage {
    /// With this configuration, which must be taken.
    pub(crate) fn with(configuration: &str) -> Self {
        let proxy = proxy();
        let mut vm = proxy.worker();
        let root = vm.configure(configuration).unwrap_or_else(|failure| panic!("{failure}"));
        Self { proxy, vm, root }
    }

    /// An exchange past the filter.
    pub(crate) fn pass(&mut self, stream: Stream) -> Stream {
        self.vm.exchange(self.root, stream)
    }

    /// The fates counted for an upstream so far.
    pub(crate) fn fates(&self, upstream: &str) -> BTreeMap<String, u64> {
        self.proxy.fates(upstream)
    }

    /// The filter still does its work, to the number.
    pub(crate) fn assert_alive(&mut self) {
        let before = self.fates("alive");
        let after = self.pass(retried("alive"));
        assert!(
            after.annotation().is_some_and(|text| text.starts_with("retried;")),
            "{:?}",
            after.annotation()
        );
        let count = |fates: &BTreeMap<String, u64>| fates.get("retried").copied().unwrap_or(0);
        assert_eq!(count(&self.fates("alive")), count(&before) + 1);
    }
}

/// A success at the second attempt.
pub(crate) fn retried(cluster: &str) -> Stream {
    Stream { attempts: 2, ..Stream::ok(cluster) }
}

/// Fates and their counts, as the statistics give them.
pub(crate) fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(fate, count)| ((*fate).to_owned(), *count)).collect()
}
