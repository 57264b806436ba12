// One exchange under way: what is known of it so far, until its response is complete and it is counted.
import { annotate } from "./annotation.js";
import { clientAttempt } from "./client.js";
import { Inspector } from "./inspector.js";
import { factsOf } from "./response.js";
import { watchedBody } from "./body.js";

export class Exchange {
  #tools;
  #started;
  #upstream;
  #facts;
  #ended = false;
  #done;

  /** It begins now. `ctx` is what keeps a Worker alive until it is counted. */
  constructor(tools, request, upstream, limits, ctx) {
    this.#tools = tools;
    this.#started = tools.ticks();
    this.#upstream = upstream;
    this.#facts = { ...limits, clientAttempt: clientAttempt(request.headers), attemptLog: [], attempts: 1 };
    this.ctx = ctx;
    this.signal = request.signal;
    ctx?.waitUntil(new Promise((resolve) => (this.#done = resolve)));
  }

  /** How long it has taken, in milliseconds. */
  get elapsedMs() {
    return Math.max(0, this.#tools.ticks() - this.#started);
  }

  /** Adds what is known; an attempt joins those before it. */
  note({ upstream, attempt, ...facts }) {
    if (upstream !== undefined) this.#upstream = upstream;
    Object.assign(this.#facts, facts);
    if (attempt !== undefined) {
      this.#facts.attemptLog.push(attempt);
      this.#facts.attempts = this.#facts.attemptLog.length;
      if (attempt.host !== undefined) this.#facts.host = attempt.host;
    }
  }

  /** The response as the caller gets it: annotated, and watched until its last byte. */
  answer(response) {
    this.note(factsOf(response, this.#tools.settings));
    const { status } = response;
    if (status === 101 || response.webSocket) {
      this.end({ status });
      return response;
    }
    const preview = () => this.#tools.ledger.preview(this.#id(), this.#whole({ status }));
    const headers = annotate(response.headers, this.#tools.settings, preview, this.elapsedMs);
    if (response.body === null) {
      this.end({ status });
      return headers === undefined ? response : new Response(null, init(response, headers));
    }
    const inspector = Inspector.for(response, this.#tools.settings.inspectBytes);
    const body = watchedBody(response.body, this.signal, {
      onChunk: (chunk) => inspector?.take(chunk),
      onEnd: (bytes, outcome) => {
        if (outcome === "cut") this.note({ partial: true });
        if (outcome === "complete" && inspector?.isPartial()) this.note({ partial: true });
        this.end({ status, bytes, aborted: outcome === "aborted" });
      },
    });
    return new Response(body, init(response, headers ?? response.headers));
  }

  /** It is over. */
  end(facts) {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd?.();
    this.#tools.ledger.take(this.#id(), this.#whole(facts));
    this.#tools.flush(this.ctx);
    this.#done?.();
  }

  #id() {
    return this.#tools.ledger.upstream(this.#upstream);
  }

  #whole(facts) {
    return { ...this.#facts, ...facts, endedMs: this.#tools.now(), durationMs: this.elapsedMs };
  }
}

function init({ status, statusText }, headers) {
  return { status, statusText, headers };
}
