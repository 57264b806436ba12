// The public monitor of a gateway.
import { clocks, withLastValue } from "./clock.js";
import { CoreHandle } from "./core-handle.js";
import { Exchange } from "./exchange.js";
import { gatewayFetch } from "./fetch.js";
import { validNote } from "./note.js";
import { RetryBudget } from "./retry-budget.js";
import { functionOption, numberOption, refuse, refuseUnknown } from "./validate.js";
import { wrapHandler } from "./wrap.js";

const OPTIONS = ["config", "source", "now", "random", "timers", "fetch", "records", "retryBudget", "wakeEvery"];

/** Creates the monitor of a gateway; call it once, next to the handler. */
export function nearMiss(options = {}) {
  return new Monitor(options);
}

export class Monitor {
  #core;
  #sink;
  #deps;
  #retryBudgets = new Map();
  #retryShare;
  #wrappedExchanges = new WeakMap();
  #timer;

  constructor(options = {}) {
    refuseUnknown(options, OPTIONS, "nearMiss");
    const { config = {}, source = "edge", timers = globalThis } = options;
    if (typeof source !== "string" || source === "") refuse("source", source, "a string");
    const random = withLastValue(functionOption(options, "random", Math.random), 0.5);
    const time = clocks(functionOption(options, "now"));
    this.#sink = toSink(options.records);
    this.#retryShare = numberOption(options, "retryBudget", 0, 1, "a share of traffic, 0 to 1", 0.2);
    // Workers have neither a clock nor random numbers before the first request.
    const runId = () => `${source}/${Math.floor(random() * 2 ** 32).toString(16)}/${Math.floor(time.now() / 1000)}`;
    const text = typeof config === "string" ? config : JSON.stringify(config);
    this.#core = new CoreHandle(text, runId, (line) => this.#sink.push(line));
    this.#deps = {
      ...time,
      random,
      timers: {
        setTimeout: (body, ms) => timers.setTimeout(body, ms),
        clearTimeout: (timer) => timers.clearTimeout(timer),
      },
      fetch: functionOption(options, "fetch", (request) => globalThis.fetch(request)),
      core: this.#core,
      settings: this.#core.settings,
      retryBudget: (upstream) => this.#retryBudget(upstream),
      flush: (ctx) => this.#flushIfDue(ctx),
    };
    const interval = numberOption(options, "wakeEvery", 100, 3_600_000, "milliseconds, 100 to 3600000");
    if (interval !== undefined) {
      this.#timer = setInterval(() => this.wake(), interval);
      this.#timer.unref?.();
    }
  }

  /** Returns the number of an upstream for `observe`. */
  upstream(name) {
    if (typeof name !== "string" || name === "") refuse("upstream", name, "a name");
    return this.#core.upstream(name);
  }

  /** Counts one exchange that the gateway made itself. Takes five numbers, for gateways where every nanosecond counts. */
  observe(upstream, endedMs, status, durationMs, attempts = 1) {
    return this.#core.observe(upstream, endedMs, status, durationMs, attempts);
  }

  /** Fetches with retries, timeouts, a fallback and a hedge, and monitors every attempt. */
  async fetch(input, options) {
    return gatewayFetch(this.#deps, input, options);
  }

  /** Returns a handler whose exchanges are counted; the handler reports its own retries with `note`. */
  wrap(handler, options = {}) {
    return wrapHandler(this.#deps, this.#wrappedExchanges, handler, options);
  }

  /** Reports what a wrapped handler did for this request. */
  note(request, note) {
    const exchange = this.#wrappedExchanges.get(request);
    if (!(exchange instanceof Exchange)) {
      throw new TypeError("nearmiss: `note` takes the request that the wrapped handler was called with");
    }
    exchange.note(validNote(note));
  }

  /** Returns all counters in the Prometheus text format. */
  metrics() {
    return this.#core.metrics.text(this.#sink.dropped ?? 0);
  }

  /** Runs time-based work that is due; call it from a timer or a scheduled handler if traffic may pause. */
  wake() {
    this.#core.wake(this.#deps.now());
    this.#flushIfDue();
  }

  /** Replaces the configuration and keeps counters and baselines. An invalid configuration throws and changes nothing. */
  reconfigure(config) {
    this.#core.reconfigure(typeof config === "string" ? config : JSON.stringify(config));
    Object.assign(this.#deps.settings, this.#core.settings);
  }

  /** Sends all waiting records. */
  async flush() {
    await this.#sink.flush?.();
  }

  /** Ends monitoring: emits and sends all pending records. */
  async finish() {
    clearInterval(this.#timer);
    this.#core.finish();
    await (this.#sink.finish?.() ?? this.flush());
  }

  #retryBudget(upstream) {
    // Upstreams beyond the limit share one number, and so one budget.
    let budget = this.#retryBudgets.get(upstream);
    if (budget === undefined) this.#retryBudgets.set(upstream, (budget = new RetryBudget(this.#retryShare)));
    return budget;
  }

  /** Never throws, because it runs at the end of an exchange. */
  #flushIfDue(ctx) {
    try {
      if (!this.#sink.due?.(this.#deps.now())) return;
      const sent = this.flush().catch(reportFlushError);
      ctx?.waitUntil(sent);
    } catch (error) {
      reportFlushError(error);
    }
  }
}

function reportFlushError(error) {
  console.error("nearmiss: records could not be sent:", error);
}

/** Converts the option `records` to a sink. */
function toSink(records = "console") {
  if (records === "console") return { push: (line) => console.log(line) };
  if (records === "none") return { push: () => {} };
  if (typeof records === "function") return { push: records };
  if (typeof records?.push === "function") return records;
  return refuse("records", records, '"console", "none", a function or otlp({…})');
}
