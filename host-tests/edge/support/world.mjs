// A world whose time, dice and origins are the test's own.
import { join } from "node:path";
import { dist } from "./runtimes.mjs";

export const { nearMiss, otlp } = await import(join(dist, "node.js"));

/** Time that passes only when there is nothing left to do before the next timer. */
export class World {
  nowMs = 1_795_423_554_000;
  #timers = new Map();
  #next = 1;
  records = [];
  /** What was sent, with when. */
  sent = [];

  constructor({ answers = () => new Response("hello"), dice = 0.5, ...options } = {}) {
    this.monitor = nearMiss({
      now: () => this.nowMs,
      random: () => dice,
      timers: {
        setTimeout: (body, ms) => this.#timers.set(this.#next, { at: this.nowMs + ms, body }) && this.#next++,
        clearTimeout: (timer) => this.#timers.delete(timer),
      },
      fetch: (request) => this.#answer(request, answers),
      records: (line) => this.records.push(JSON.parse(line)),
      ...options,
    });
  }

  /** Lets time pass until the promise has come to its end. */
  async until(promise) {
    let over = false;
    const end = () => (over = true);
    promise.then(end, end);
    for (;;) {
      // All that needs no time happens first.
      await new Promise((resolve) => setImmediate(resolve));
      if (over) return promise;
      const due = [...this.#timers].toSorted(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) continue;
      this.#timers.delete(due[0]);
      this.nowMs = Math.max(this.nowMs, due[1].at);
      due[1].body();
    }
  }

  /** The whole answer of a fetch. */
  async fetch(input, options) {
    const response = await this.until(this.monitor.fetch(input, { upstream: "cart", ...options }));
    return { status: response.status, text: await this.until(response.text()), headers: response.headers };
  }

  /** When each request was sent, counted from the first. */
  get times() {
    return this.sent.map(({ at }) => at - this.sent[0].at);
  }

  async #answer(request, answers) {
    this.sent.push({ at: this.nowMs, body: request.body === null ? null : await request.clone().text(), request });
    const turn = this.sent.length;
    const answer = answers(turn, request);
    if (answer !== undefined) return answer;
    return new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)));
  }
}
