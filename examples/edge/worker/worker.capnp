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
    (name = "nearmiss/src/attempt.js", esModule = embed "../../../dist/edge/src/attempt.js"),
    (name = "nearmiss/src/backoff.js", esModule = embed "../../../dist/edge/src/backoff.js"),
    (name = "nearmiss/src/body-inspector.js", esModule = embed "../../../dist/edge/src/body-inspector.js"),
    (name = "nearmiss/src/client-attempt.js", esModule = embed "../../../dist/edge/src/client-attempt.js"),
    (name = "nearmiss/src/clock.js", esModule = embed "../../../dist/edge/src/clock.js"),
    (name = "nearmiss/src/core-handle.js", esModule = embed "../../../dist/edge/src/core-handle.js"),
    (name = "nearmiss/src/exchange.js", esModule = embed "../../../dist/edge/src/exchange.js"),
    (name = "nearmiss/src/fates.js", esModule = embed "../../../dist/edge/src/fates.js"),
    (name = "nearmiss/src/fetch-options.js", esModule = embed "../../../dist/edge/src/fetch-options.js"),
    (name = "nearmiss/src/fetch.js", esModule = embed "../../../dist/edge/src/fetch.js"),
    (name = "nearmiss/src/index.js", esModule = embed "../../../dist/edge/src/index.js"),
    (name = "nearmiss/src/log-record.js", esModule = embed "../../../dist/edge/src/log-record.js"),
    (name = "nearmiss/src/metrics.js", esModule = embed "../../../dist/edge/src/metrics.js"),
    (name = "nearmiss/src/monitor.js", esModule = embed "../../../dist/edge/src/monitor.js"),
    (name = "nearmiss/src/note.js", esModule = embed "../../../dist/edge/src/note.js"),
    (name = "nearmiss/src/observed-body.js", esModule = embed "../../../dist/edge/src/observed-body.js"),
    (name = "nearmiss/src/otlp.js", esModule = embed "../../../dist/edge/src/otlp.js"),
    (name = "nearmiss/src/quota.js", esModule = embed "../../../dist/edge/src/quota.js"),
    (name = "nearmiss/src/replayable-request.js", esModule = embed "../../../dist/edge/src/replayable-request.js"),
    (name = "nearmiss/src/response-fields.js", esModule = embed "../../../dist/edge/src/response-fields.js"),
    (name = "nearmiss/src/retrier.js", esModule = embed "../../../dist/edge/src/retrier.js"),
    (name = "nearmiss/src/retry-budget.js", esModule = embed "../../../dist/edge/src/retry-budget.js"),
    (name = "nearmiss/src/validate.js", esModule = embed "../../../dist/edge/src/validate.js"),
    (name = "nearmiss/src/verdict-headers.js", esModule = embed "../../../dist/edge/src/verdict-headers.js"),
    (name = "nearmiss/src/wrap.js", esModule = embed "../../../dist/edge/src/wrap.js"),
  ],
);
