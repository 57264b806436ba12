//! `src/proxy_wasm` has the names, numbers and signatures of the crate `proxy-wasm`, whose source is read here.
//!
//! Everything of the crate is either the same or on a list, so another version of the crate cannot differ unnoticed.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use syn::parse::{Parse, ParseStream};
use syn::{FnArg, ForeignItemFn, ImplItem, Item, LitStr, Pat, ReturnType, Signature, TraitItem, Visibility};

/// Types whose values no callback and no hostcall of the filter has.
const UNUSED_TYPES: [&str; 3] = ["GrpcStatusCode", "PeerType", "StreamType"];
/// Statuses of the ABI that the crate does not have.
const MORE_STATUSES: [&str; 2] = ["InvalidMemoryAccess", "Unimplemented"];
/// Callbacks that the filter does not have: Envoy would call every one that is exported.
const UNUSED_EXPORTS: [&str; 16] = [
    "proxy_on_delete",
    "proxy_on_downstream_connection_close",
    "proxy_on_downstream_data",
    "proxy_on_foreign_function",
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_receive_initial_metadata",
    "proxy_on_grpc_receive_trailing_metadata",
    "proxy_on_new_connection",
    "proxy_on_queue_ready",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_body",
    "proxy_on_upstream_connection_close",
    "proxy_on_upstream_data",
    "proxy_on_vm_start",
];
/// The methods that these callbacks would call, and those that start a VM or create what the filter is not.
const UNUSED_METHODS: [&str; 12] = [
    "Context::on_foreign_function",
    "Context::on_grpc_call_response",
    "Context::on_grpc_stream_close",
    "Context::on_grpc_stream_initial_metadata",
    "Context::on_grpc_stream_message",
    "Context::on_grpc_stream_trailing_metadata",
    "HttpContext::on_http_request_body",
    "HttpContext::on_http_request_trailers",
    "HttpContext::on_http_response_body",
    "RootContext::create_stream_context",
    "RootContext::on_queue_ready",
    "RootContext::on_vm_start",
];
/// Imports of the crate that the filter does not call.
const UNUSED_IMPORTS: [&str; 21] = [
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_log_level",
    "proxy_get_metric",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_header_map_pairs",
];
/// Hostcalls of the crate that the filter does not make, or makes with borrowed bytes only.
const UNUSED_HOSTCALLS: [&str; 34] = [
    "add_map_value_bytes",
    "cancel_grpc_call",
    "cancel_grpc_stream",
    "close_downstream",
    "close_grpc_stream",
    "close_upstream",
    "dequeue_shared_queue",
    "dispatch_grpc_call",
    "done",
    "enqueue_shared_queue",
    "get_grpc_status",
    "get_log_level",
    "get_map",
    "get_map_value",
    "get_metric",
    "open_grpc_stream",
    "register_shared_queue",
    "remove_map_value",
    "reset_http_request",
    "reset_http_response",
    "resolve_shared_queue",
    "resume_downstream",
    "resume_http_request",
    "resume_http_response",
    "resume_upstream",
    "send_grpc_response",
    "send_grpc_stream_message",
    "send_http_response",
    "set_buffer",
    "set_effective_context",
    "set_map",
    "set_map_bytes",
    "set_map_value",
    "set_map_value_bytes",
];
/// Methods of `Hostcalls` without a counterpart: the begin of a callback, and the call of WASI that `std` makes for the crate.
const MORE_HOSTCALLS: [&str; 2] = ["begin", "random_bytes"];
/// Types that differ, ours first: answers and arguments are borrowed, the path of a property is encoded, a metric's id has a
/// type of its own, times need no `std`, and the host may pass any number as a flag.
const DIFFERENCES: [(&str, &str); 10] = [
    ("Result<&[u8],Status>", "Result<Option<Bytes>,Status>"),
    ("Result<(&[u8],u32),Status>", "Result<(Option<Bytes>,Option<u32>),Status>"),
    ("Result<Headers<'_>,Status>", "Result<Vec<(String,Bytes)>,Status>"),
    ("Result<MetricId,Status>", "Result<u32,Status>"),
    ("Result<u64,Status>", "Result<SystemTime,Status>"),
    ("&[(&str,&str)]", "Vec<(&str,&str)>"),
    ("path:&str", "path:Vec<&str>"),
    ("metric_id:MetricId", "metric_id:u32"),
    ("return_id:*mutMetricId", "return_id:*mutu32"),
    ("end_of_stream:u32", "end_of_stream:bool"),
];

#[test]
fn every_type_has_all_variants_of_the_crate_with_their_numbers() {
    let (mut ours, mut theirs) = (types(&ours("types")), types(&theirs("types")));
    let mut statuses = ours.remove("Status").expect("a status");
    for more in MORE_STATUSES {
        assert!(statuses.remove(more).is_some(), "{more}");
    }
    assert_eq!(statuses, theirs.remove("Status").expect("a status"));
    let unused: Vec<_> =
        theirs.extract_if(.., |name, _| !ours.contains_key(name)).map(|(name, _)| name).collect();
    assert_eq!(unused, UNUSED_TYPES);
    assert_eq!(ours, theirs);
}

#[test]
fn every_method_of_a_context_has_the_signature_of_the_crates() {
    let is_callback = |name: &str| {
        let (_, method) = name.split_once("::").expect("a trait and a method");
        method.starts_with("on_") || method.starts_with("create_") || method == "get_type"
    };
    let mut theirs = methods(&theirs("traits"));
    theirs.retain(|name, _| is_callback(name) && !name.starts_with("StreamContext::"));
    assert_same(&methods(&ours("traits")), &theirs, &UNUSED_METHODS, &[]);
}

#[test]
fn every_callback_has_the_signature_of_the_crates() {
    let all = |files: [&str; 2], read: fn(&str) -> syn::File| -> Signatures {
        files.iter().flat_map(|file| exports(&read(file).items)).collect()
    };
    let (ours, theirs) = (all(["allocator", "dispatcher"], ours), all(["allocator", "dispatcher"], theirs));
    assert_same(&ours, &theirs, &UNUSED_EXPORTS, &[]);
}

#[test]
fn every_import_has_the_signature_of_the_crates() {
    let theirs = theirs("hostcalls").items.into_iter().filter_map(|item| match item {
        Item::ForeignMod(imports) => Some(imports.items),
        _ => None,
    });
    let theirs: Signatures = theirs
        .flatten()
        .filter_map(|item| match item {
            syn::ForeignItem::Fn(import) => Some(signature("", &import.sig)),
            _ => None,
        })
        .collect();
    let imports = ours("imports").items.into_iter().filter_map(|item| match item {
        Item::Macro(call) if call.ident.is_none() => Some(call.mac.parse_body::<Imports>().expect("imports")),
        _ => None,
    });
    let ours: Signatures = imports
        .filter(|imports| imports.module == "env")
        .flat_map(|imports| imports.functions)
        .map(|import| signature("", &import.sig))
        .collect();
    assert!(ours.len() > 10, "{ours:?}");
    assert_same(&ours, &theirs, &UNUSED_IMPORTS, &[]);
}

#[test]
fn every_hostcall_has_the_signature_of_the_crates_except_for_what_it_borrows() {
    let theirs: Signatures = theirs("hostcalls").items.iter().filter_map(function).collect();
    let ours: Signatures = ours("hostcalls").items.iter().flat_map(public_methods).collect();
    assert!(ours.len() > 10, "{ours:?}");
    assert_same(&ours, &theirs, &UNUSED_HOSTCALLS, &MORE_HOSTCALLS);
}

/// Functions by name, each with its parameters and its return type.
type Signatures = BTreeMap<String, Vec<String>>;

/// Asserts that all functions of ours, except for `more`, are the crate's, and that ours lack exactly the `unused` ones.
fn assert_same(ours: &Signatures, theirs: &Signatures, unused: &[&str], more: &[&str]) {
    let missing: Vec<_> = theirs.keys().filter(|name| !ours.contains_key(*name)).collect();
    assert_eq!(missing, unused);
    let added: Vec<_> = ours.keys().filter(|name| !theirs.contains_key(*name)).collect();
    assert_eq!(added, more);
    for (name, signature) in ours.iter().filter(|(name, _)| theirs.contains_key(*name)) {
        let theirs = theirs.get(name).expect("compared above");
        let is_same = |(ours, theirs): (&String, &String)| {
            ours == theirs || DIFFERENCES.iter().any(|difference| differs_so(ours, theirs, *difference))
        };
        let same = signature.len() == theirs.len() && signature.iter().zip(theirs).all(is_same);
        assert!(same, "{name}: ours is {signature:?}, theirs is {theirs:?}");
    }
}

fn differs_so(ours: &str, theirs: &str, difference: (&str, &str)) -> bool {
    ours.contains(difference.0) && ours.replacen(difference.0, difference.1, 1) == theirs
}

/// Imports as `imports.rs` lists them: the module's name, and its functions.
struct Imports {
    module: String,
    functions: Vec<ForeignItemFn>,
}

impl Parse for Imports {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let module = input.parse::<LitStr>()?.value();
        let mut functions = Vec::new();
        while !input.is_empty() {
            functions.push(input.parse()?);
        }
        Ok(Self { module, functions })
    }
}

/// Returns the numbers of the variants of each enum, and the numbers that are constants of a type.
fn types(file: &syn::File) -> BTreeMap<String, BTreeMap<String, String>> {
    let number = |name: &syn::Ident, number: String| (name.to_string(), number);
    let mut types = BTreeMap::new();
    for item in &file.items {
        match item {
            Item::Enum(item) => {
                let variant = |variant: &syn::Variant| {
                    let (_, value) = variant.discriminant.as_ref().expect("a number for each variant");
                    number(&variant.ident, text(value))
                };
                types.insert(item.ident.to_string(), item.variants.iter().map(variant).collect());
            }
            Item::Impl(item) => {
                let constant = |item: &ImplItem| match item {
                    ImplItem::Const(item) => {
                        let value = text(&item.expr);
                        Some(number(
                            &item.ident,
                            value.trim_start_matches("Self(").trim_end_matches(')').into(),
                        ))
                    }
                    _ => None,
                };
                types.insert(text(&item.self_ty), item.items.iter().filter_map(constant).collect());
            }
            _ => {}
        }
    }
    types
}

/// Returns the methods of all traits, each with the name of its trait.
fn methods(file: &syn::File) -> Signatures {
    let traits = file.items.iter().filter_map(|item| match item {
        Item::Trait(item) => Some(item),
        _ => None,
    });
    let of_one = |item: &syn::ItemTrait| {
        let name = format!("{}::", item.ident);
        let method = |item: &TraitItem| match item {
            TraitItem::Fn(method) => Some(signature(&name, &method.sig)),
            _ => None,
        };
        item.items.iter().filter_map(method).collect::<Vec<_>>()
    };
    traits.flat_map(of_one).collect()
}

/// Returns the functions with the ABI of C, in nested modules too, without the marker of the ABI's version.
fn exports(items: &[Item]) -> Vec<(String, Vec<String>)> {
    let of_one = |item: &Item| match item {
        Item::Fn(item) if item.sig.abi.is_some() => vec![signature("", &item.sig)],
        Item::Mod(module) => module.content.iter().flat_map(|(_, items)| exports(items)).collect(),
        _ => Vec::new(),
    };
    let all = items.iter().flat_map(of_one);
    all.filter(|(name, _)| name != "proxy_abi_version_0_2_1").collect()
}

fn function(item: &Item) -> Option<(String, Vec<String>)> {
    match item {
        Item::Fn(item) if matches!(item.vis, Visibility::Public(_)) => Some(signature("", &item.sig)),
        _ => None,
    }
}

fn public_methods(item: &Item) -> Vec<(String, Vec<String>)> {
    let Item::Impl(item) = item else { return Vec::new() };
    let method = |item: &ImplItem| match item {
        ImplItem::Fn(method) if !matches!(method.vis, Visibility::Inherited) => {
            let (name, mut parts) = signature("", &method.sig);
            parts.retain(|part| part != "&self");
            Some((name, parts))
        }
        _ => None,
    };
    item.items.iter().filter_map(method).collect()
}

/// Returns the name of a function, its parameters as `name:type`, and its return type.
fn signature(prefix: &str, signature: &Signature) -> (String, Vec<String>) {
    let parameter = |argument: &FnArg| match argument {
        FnArg::Receiver(receiver) => text(receiver),
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) => {
                format!("{}:{}", name.ident.to_string().trim_start_matches('_'), text(&typed.ty))
            }
            other => panic!("{}", text(other)),
        },
    };
    let mut parts: Vec<_> = signature.inputs.iter().map(parameter).collect();
    parts.push(match &signature.output {
        ReturnType::Default => "()".into(),
        ReturnType::Type(_, kind) => text(kind),
    });
    (format!("{prefix}{}", signature.ident), parts)
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().replace(' ', "")
}

fn ours(file: &str) -> syn::File {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/proxy_wasm"), file)
}

fn theirs(file: &str) -> syn::File {
    read(&crate_root().join("src"), file)
}

fn read(folder: &Path, file: &str) -> syn::File {
    let path = folder.join(file).with_extension("rs");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the folder of the crate, in the version of Cargo.lock.
fn crate_root() -> PathBuf {
    let output = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().expect("it runs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a text")
    };
    let version = output("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let metadata =
        output(env!("CARGO"), &["metadata", "--locked", "--format-version=1", "--filter-platform", host]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
    let manifests: BTreeSet<_> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| package["name"] == "proxy-wasm")
        .filter_map(|package| package["manifest_path"].as_str())
        .collect();
    let [manifest] = manifests.into_iter().collect::<Vec<_>>()[..] else {
        panic!("one version of the crate")
    };
    Path::new(manifest).parent().expect("a folder").to_path_buf()
}
