//! The key of host hashes: one for all VMs of a process.

use serde_json::Value;
use sim::proxy_wasm::{Proxy, RootId, Status, Vm};

use crate::harness::{proxy, retried};

const HASHED: &str = r#"{"hosts":"hashed"}"#;

fn configured(proxy: &Proxy) -> (Vm, RootId) {
    let mut vm = proxy.worker();
    let root = vm.configure(HASHED).unwrap();
    (vm, root)
}

/// Returns the name of the one host, as the record of an exchange of this VM has it.
fn host_name(proxy: &Proxy, (vm, root): &mut (Vm, RootId)) -> String {
    vm.exchange(*root, retried("cart"));
    let records = proxy.take_records();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    let record: Value = serde_json::from_str(record).unwrap();
    record["host"].as_str().unwrap().to_owned()
}

fn is_hash(name: &str) -> bool {
    name.strip_prefix("host-")
        .is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[test]
fn all_vms_share_a_key_in_whatever_order_they_are_configured_and_see_traffic() {
    let proxy = proxy();
    let (mut first, mut second) = (configured(&proxy), configured(&proxy));
    let name = host_name(&proxy, &mut second);
    assert!(is_hash(&name), "{name}");
    assert_eq!(host_name(&proxy, &mut first), name, "the VM that was configured first sees traffic later");
    assert_eq!(host_name(&proxy, &mut configured(&proxy)), name, "a VM that is configured later");
    first.1 = first.0.reconfigure(first.1, HASHED).unwrap();
    assert_eq!(host_name(&proxy, &mut first), name, "an update of the configuration");
}

#[test]
fn a_vm_that_creates_the_key_too_late_takes_the_one_of_the_faster_vm() {
    let proxy = proxy();
    let (mut fast, mut slow) = (configured(&proxy), configured(&proxy));
    let name = host_name(&proxy, &mut fast);
    // The slow VM saw no key, because the fast one created it just after.
    slow.0.inject("proxy_get_shared_data", 1, Status::NotFound);
    slow.0.take_calls();
    assert_eq!(host_name(&proxy, &mut slow), name);
    assert_eq!(slow.0.take_calls().of("proxy_set_shared_data"), 1, "the slow VM tried to create one");
    assert_eq!(host_name(&proxy, &mut configured(&proxy)), name, "the key of the fast VM is still the one");
}

#[test]
fn without_shared_data_each_vm_has_a_key_of_its_own() {
    let proxy = proxy();
    let names = [(); 2].map(|()| {
        let mut vm = configured(&proxy);
        vm.0.inject("proxy_get_shared_data", 0, Status::InternalFailure);
        vm.0.inject("proxy_set_shared_data", 0, Status::InternalFailure);
        host_name(&proxy, &mut vm)
    });
    assert!(names.iter().all(|name| is_hash(name)) && names[0] != names[1], "{names:?}");
}

#[test]
fn without_random_numbers_hosts_are_withheld() {
    let proxy = proxy();
    let mut vm = configured(&proxy);
    vm.0.inject("random_get", 0, Status::InternalFailure);
    assert_eq!(host_name(&proxy, &mut vm), "host-withheld");
}

#[test]
fn a_configured_key_needs_neither_shared_data_nor_random_numbers() {
    let proxy = proxy();
    let mut vm = proxy.worker();
    let root = vm.configure(r#"{"hosts":"hashed","hosts_key":"a secret key"}"#).unwrap();
    vm.inject("random_get", 0, Status::InternalFailure);
    assert!(is_hash(&host_name(&proxy, &mut (vm, root))));
    assert!(!proxy.shared_keys().contains(&b"nearmiss.hosts_key".to_vec()), "{:?}", proxy.shared_keys());
}
