# A Worker that compares the package with plain fetch. The test replaces ORIGIN and the paths.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .gateway),
    (name = "internet", network = (allow = ["private", "public", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "gateway")],
  v8Flags = ["--expose-gc"],
);

const gateway :Workerd.Worker = (
  compatibilityDate = "2026-10-01",
  compatibilityFlags = ["enable_request_signal", "request_signal_passthrough"],
  bindings = [(name = "ORIGIN", text = "ORIGIN_URL")],
  modules = [
    (name = "worker.js", esModule = embed "fidelity-worker.js"),
    (name = "fidelity", esModule = embed "fidelity.mjs"),
    (name = "nearmiss", esModule = "export * from './nearmiss/worker.js';"),
    (name = "nearmiss/nearmiss.wasm", wasm = embed "../../../dist/edge/nearmiss.wasm"),
    (name = "nearmiss/worker.js", esModule = embed "../../../dist/edge/worker.js"),
  ],
);
