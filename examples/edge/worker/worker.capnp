# A Worker in workerd: `workerd serve worker.capnp`, after `make wasm`.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .gateway),
    (name = "cart", external = (address = "127.0.0.1:9001", http = ())),
    (name = "search", external = (address = "127.0.0.1:9002", http = ())),
    (name = "collector", external = (address = "127.0.0.1:4318", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8080", http = (), service = "gateway")],
);

const gateway :Workerd.Worker = (
  compatibilityDate = "2026-10-01",
  # Signals to the Worker that its client disconnected.
  compatibilityFlags = ["enable_request_signal", "request_signal_passthrough"],
  bindings = [
    (name = "CART", service = "cart"),
    (name = "SEARCH", service = "search"),
    (name = "COLLECTOR", service = "collector"),
  ],
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    # The modules that a bundler resolves after `npm install nearmiss`.
    (name = "nearmiss", esModule = "export * from './nearmiss/worker.js';"),
    (name = "nearmiss/nearmiss.wasm", wasm = embed "../../../dist/edge/nearmiss.wasm"),
    (name = "nearmiss/worker.js", esModule = embed "../../../dist/edge/worker.js"),
  ],
);
