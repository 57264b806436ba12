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
    (name = "nearmiss/glue.js", esModule = embed "../../../dist/edge/glue.js"),
    (name = "nearmiss/src/annotation.js", esModule = embed "../../../dist/edge/src/annotation.js"),
    (name = "nearmiss/src/attempt.js", esModule = embed "../../../dist/edge/src/attempt.js"),
    (name = "nearmiss/src/backoff.js", esModule = embed "../../../dist/edge/src/backoff.js"),
    (name = "nearmiss/src/body.js", esModule = embed "../../../dist/edge/src/body.js"),
    (name = "nearmiss/src/budget.js", esModule = embed "../../../dist/edge/src/budget.js"),
    (name = "nearmiss/src/client.js", esModule = embed "../../../dist/edge/src/client.js"),
    (name = "nearmiss/src/clock.js", esModule = embed "../../../dist/edge/src/clock.js"),
    (name = "nearmiss/src/exchange.js", esModule = embed "../../../dist/edge/src/exchange.js"),
    (name = "nearmiss/src/fates.js", esModule = embed "../../../dist/edge/src/fates.js"),
    (name = "nearmiss/src/fetch.js", esModule = embed "../../../dist/edge/src/fetch.js"),
    (name = "nearmiss/src/index.js", esModule = embed "../../../dist/edge/src/index.js"),
    (name = "nearmiss/src/inspector.js", esModule = embed "../../../dist/edge/src/inspector.js"),
    (name = "nearmiss/src/ledger.js", esModule = embed "../../../dist/edge/src/ledger.js"),
    (name = "nearmiss/src/log-record.js", esModule = embed "../../../dist/edge/src/log-record.js"),
    (name = "nearmiss/src/metrics.js", esModule = embed "../../../dist/edge/src/metrics.js"),
    (name = "nearmiss/src/monitor.js", esModule = embed "../../../dist/edge/src/monitor.js"),
    (name = "nearmiss/src/notes.js", esModule = embed "../../../dist/edge/src/notes.js"),
    (name = "nearmiss/src/otlp.js", esModule = embed "../../../dist/edge/src/otlp.js"),
    (name = "nearmiss/src/plan.js", esModule = embed "../../../dist/edge/src/plan.js"),
    (name = "nearmiss/src/quota.js", esModule = embed "../../../dist/edge/src/quota.js"),
    (name = "nearmiss/src/response.js", esModule = embed "../../../dist/edge/src/response.js"),
    (name = "nearmiss/src/settings.js", esModule = embed "../../../dist/edge/src/settings.js"),
    (name = "nearmiss/src/template.js", esModule = embed "../../../dist/edge/src/template.js"),
    (name = "nearmiss/src/tries.js", esModule = embed "../../../dist/edge/src/tries.js"),
    (name = "nearmiss/src/wrap.js", esModule = embed "../../../dist/edge/src/wrap.js"),
  ],
);
