//! The fixture: a proxy with one worker and one plugin.

use std::collections::BTreeMap;

use sim::proxy_wasm::{Proxy, RootId, Stream, Vm};

/// Starts a process with the module.
pub(crate) fn proxy() -> Proxy {
    Proxy::shipped()
}

/// A process with one worker that runs the module.
pub(crate) struct Fixture {
    pub(crate) proxy: Proxy,
    pub(crate) vm: Vm,
    pub(crate) root: RootId,
}

impl Fixture {
    /// Starts the module with this configuration, which it must accept.
    pub(crate) fn with(configuration: &str) -> Self {
        let proxy = proxy();
        let mut vm = proxy.worker();
        let root = vm.configure(configuration).unwrap_or_else(|failure| panic!("{failure}"));
        Self { proxy, vm, root }
    }

    /// Runs an exchange through the filter.
    pub(crate) fn exchange(&mut self, stream: Stream) -> Stream {
        self.vm.exchange(self.root, stream)
    }

    /// Returns the fates counted for an upstream so far.
    pub(crate) fn fates(&self, upstream: &str) -> BTreeMap<String, u64> {
        self.proxy.fates(upstream)
    }

    /// Asserts that the filter still annotates and counts exchanges.
    pub(crate) fn assert_alive(&mut self) {
        let before = self.fates("alive");
        let after = self.exchange(retried("alive"));
        assert!(
            after.annotation().is_some_and(|text| text.starts_with("retried;")),
            "{:?}",
            after.annotation()
        );
        let count = |fates: &BTreeMap<String, u64>| fates.get("retried").copied().unwrap_or(0);
        assert_eq!(count(&self.fates("alive")), count(&before) + 1);
    }
}

/// Returns an exchange that succeeded on the second attempt.
pub(crate) fn retried(cluster: &str) -> Stream {
    Stream { attempts: 2, ..Stream::ok(cluster) }
}

/// Returns counts by fate, in the form of the statistics.
pub(crate) fn fate_counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(fate, count)| ((*fate).to_owned(), *count)).collect()
}

/// Starts the VM of the main thread and those of workers, each with the empty configuration.
pub(crate) fn configured_vms(proxy: &Proxy, workers: usize) -> ((Vm, RootId), Vec<(Vm, RootId)>) {
    let start = || {
        let mut vm = proxy.worker();
        let root = vm.configure("{}").unwrap();
        (vm, root)
    };
    (start(), (0..workers).map(|_| start()).collect())
}
