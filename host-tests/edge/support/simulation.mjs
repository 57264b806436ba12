// A simulation in which the test controls time, random numbers and origins.
import { join } from "node:path";
import { dist } from "./runtimes.mjs";

export const { nearMiss, otlp } = await import(join(dist, "inline.js"));

/** A monitor with virtual time, which advances to the next timer only when no other work is left. */
export class Simulation {
  nowMs = 1_795_423_554_000;
  #timers = new Map();
  #nextTimer = 1;
  records = [];
  /** The messages for the operator. */
  warnings = [];
  /** The requests sent, with their times. */
  sent = [];

  /** `answer(number, request)` returns the response to each request; `undefined` never answers. */
  constructor({ answer = () => new Response("hello"), randomValue = 0.5, ...options } = {}) {
    this.monitor = nearMiss({
      now: () => this.nowMs,
      random: () => randomValue,
      timers: {
        setTimeout: (body, ms) => this.#timers.set(this.#nextTimer, { at: this.nowMs + ms, body }) && this.#nextTimer++,
        clearTimeout: (timer) => this.#timers.delete(timer),
      },
      fetch: (request) => this.#answer(request, answer),
      onWarning: (message) => this.warnings.push(message),
      records: (line) => this.records.push(JSON.parse(line)),
      ...options,
    });
  }

  /** Advances time until the promise settles. */
  async until(promise) {
    let isSettled = false;
    const settle = () => (isSettled = true);
    promise.then(settle, settle);
    for (;;) {
      // Work that takes no time runs first.
      await new Promise((resolve) => setImmediate(resolve));
      if (isSettled) return promise;
      const due = [...this.#timers].toSorted(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) continue;
      this.#timers.delete(due[0]);
      this.nowMs = Math.max(this.nowMs, due[1].at);
      due[1].body();
    }
  }

  /** Fetches and reads the whole response. */
  async fetch(input, options) {
    const response = await this.until(this.monitor.fetch(input, { upstream: "cart", ...options }));
    return { status: response.status, text: await this.until(response.text()), headers: response.headers };
  }

  /** The time of each request, relative to the first. */
  get times() {
    return this.sent.map(({ at }) => at - this.sent[0].at);
  }

  async #answer(request, answer) {
    this.sent.push({ at: this.nowMs, body: request.body === null ? null : await request.clone().text(), request });
    const response = answer(this.sent.length, request);
    if (response !== undefined) return response;
    return new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)));
  }
}
