// The façade: what a gateway holds.
import { clock, unfailing } from "./clock.js";
import { Exchange } from "./exchange.js";
import { gatewayFetch } from "./fetch.js";
import { Ledger } from "./ledger.js";
import { Budget } from "./budget.js";
import { callable, known, number, refuse } from "./settings.js";
import { notesOf } from "./notes.js";
import { wrapped } from "./wrap.js";

const OPTIONS = ["config", "source", "now", "random", "timers", "fetch", "records", "retryBudget", "wakeEvery"];

/** A monitor for one gateway; make it once, beside the handler. */
export function nearMiss(options = {}) {
  return new Monitor(options);
}

export class Monitor {
  #ledger;
  #sink;
  #tools;
  #budgets = new Map();
  #share;
  #underWay = new WeakMap();
  #timer;

  constructor(options = {}) {
    known(options, OPTIONS, "nearMiss");
    const { config = {}, source = "edge", timers = globalThis } = options;
    if (typeof source !== "string" || source === "") refuse("source", source, "a text");
    const random = unfailing(callable(options, "random", Math.random), 0.5);
    const time = clock(callable(options, "now"));
    this.#sink = sinkOf(options.records);
    this.#share = number(options, "retryBudget", 0, 1, "a share of traffic, 0 to 1", 0.2);
    // Workers have neither a clock nor dice before the first request.
    const run = () => `${source}/${Math.floor(random() * 2 ** 32).toString(16)}/${Math.floor(time.now() / 1000)}`;
    const text = typeof config === "string" ? config : JSON.stringify(config);
    this.#ledger = new Ledger(text, run, (line) => this.#sink.push(line));
    this.#tools = {
      ...time,
      random,
      timers: {
        setTimeout: (body, ms) => timers.setTimeout(body, ms),
        clearTimeout: (timer) => timers.clearTimeout(timer),
      },
      fetch: callable(options, "fetch", (request) => globalThis.fetch(request)),
      ledger: this.#ledger,
      settings: this.#ledger.settings,
      budget: (upstream) => this.#budget(upstream),
      flush: (ctx) => this.#flushDue(ctx),
    };
    const every = number(options, "wakeEvery", 100, 3_600_000, "milliseconds, 100 to 3600000");
    if (every !== undefined) {
      this.#timer = setInterval(() => this.wake(), every);
      this.#timer.unref?.();
    }
  }

  /** The number by which `observe` calls an upstream. */
  upstream(name) {
    if (typeof name !== "string" || name === "") refuse("upstream", name, "a name");
    return this.#ledger.upstream(name);
  }

  /** Counts one exchange that somebody else made: five numbers, for gateways that count every nanosecond. */
  observe(upstream, endedMs, status, durationMs, attempts = 1) {
    return this.#ledger.observe(upstream, endedMs, status, durationMs, attempts);
  }

  /** A fetch with retries, timeouts, a fallback and a hedge, that tells every attempt. */
  async fetch(input, options) {
    return gatewayFetch(this.#tools, input, options);
  }

  /** A handler whose exchanges are counted; what it does of its own it says with `note`. */
  wrap(handler, options = {}) {
    return wrapped(this.#tools, this.#underWay, handler, options);
  }

  /** Says what a wrapped handler did for this request. */
  note(request, facts) {
    const exchange = this.#underWay.get(request);
    if (!(exchange instanceof Exchange)) {
      throw new TypeError("nearmiss: `note` takes the request that the wrapped handler was called with");
    }
    exchange.note(notesOf(facts));
  }

  /** All counters, in the text format of Prometheus. */
  metrics() {
    return this.#ledger.metrics.text(this.#sink.dropped ?? 0);
  }

  /** Does what is due by the clock: for timers and scheduled handlers where traffic may pause. */
  wake() {
    this.#ledger.wake(this.#tools.now());
    this.#flushDue();
  }

  /** Takes another configuration and keeps what was learned; a wrong one throws and changes nothing. */
  reconfigure(config) {
    this.#ledger.reconfigure(typeof config === "string" ? config : JSON.stringify(config));
    Object.assign(this.#tools.settings, this.#ledger.settings);
  }

  /** Sends what waits. */
  async flush() {
    await this.#sink.flush?.();
  }

  /** The end: everything leaves. */
  async finish() {
    clearInterval(this.#timer);
    this.#ledger.finish();
    await (this.#sink.finish?.() ?? this.flush());
  }

  #budget(upstream) {
    // Names beyond the bound share one number, and so one budget.
    let budget = this.#budgets.get(upstream);
    if (budget === undefined) this.#budgets.set(upstream, (budget = new Budget(this.#share)));
    return budget;
  }

  /** An exchange ends here, so nothing of this may fail. */
  #flushDue(ctx) {
    try {
      if (!this.#sink.due?.(this.#tools.now())) return;
      const sent = this.flush().catch(failed);
      ctx?.waitUntil(sent);
    } catch (error) {
      failed(error);
    }
  }
}

function failed(error) {
  console.error("nearmiss: records could not be sent:", error);
}

/** Where records go: an object that takes lines. */
function sinkOf(records = "console") {
  if (records === "console") return { push: (line) => console.log(line) };
  if (records === "none") return { push: () => {} };
  if (typeof records === "function") return { push: records };
  if (typeof records?.push === "function") return records;
  return refuse("records", records, '"console", "none", a function or otlp({…})');
}
