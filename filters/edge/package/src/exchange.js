// An exchange in progress: collects its fields until the response is complete, then counts it.
import { BodyInspector } from "./body-inspector.js";
import { clientAttempt } from "./client-attempt.js";
import { observedBody } from "./observed-body.js";
import { responseFields } from "./response-fields.js";
import { withVerdictHeaders } from "./verdict-headers.js";

export class Exchange {
  #deps;
  #started;
  #upstream;
  #fields;
  #hasEnded = false;
  #release;

  /** Starts the exchange. `ctx.waitUntil` keeps a Worker alive until the exchange is counted. */
  constructor(deps, request, upstream, limits, ctx) {
    this.#deps = deps;
    this.#started = deps.monotonicNow();
    this.#upstream = upstream;
    this.#fields = { ...limits, clientAttempt: clientAttempt(request.headers), attemptLog: [], attempts: 1 };
    this.ctx = ctx;
    this.signal = request.signal;
    ctx?.waitUntil(new Promise((resolve) => (this.#release = resolve)));
  }

  /** Time since the exchange started, in milliseconds. */
  get elapsedMs() {
    return Math.max(0, this.#deps.monotonicNow() - this.#started);
  }

  /** Adds fields; an attempt is appended to the attempt log. */
  note({ upstream, attempt, ...fields }) {
    if (upstream !== undefined) this.#upstream = upstream;
    Object.assign(this.#fields, fields);
    if (attempt !== undefined) {
      this.#fields.attemptLog.push(attempt);
      this.#fields.attempts = this.#fields.attemptLog.length;
      if (attempt.host !== undefined) this.#fields.host = attempt.host;
    }
  }

  /** Returns the response for the caller: with verdict headers, and observed until its last byte. */
  respond(response) {
    this.note(responseFields(response, this.#deps.settings));
    const { status } = response;
    if (status === 101 || response.webSocket) {
      this.end({ status });
      return response;
    }
    const preview = () => this.#deps.core.preview(this.#upstreamId(), this.#allFields({ status }));
    const headers = withVerdictHeaders(response.headers, this.#deps.settings, preview, this.elapsedMs);
    if (response.body === null) {
      this.end({ status });
      return headers === undefined ? response : new Response(null, init(response, headers));
    }
    const inspector = BodyInspector.for(response, this.#deps.settings.inspectBytes);
    const body = observedBody(response.body, this.signal, {
      onChunk: (chunk) => inspector?.push(chunk),
      onEnd: (bytes, outcome) => {
        if (outcome === "cut") this.note({ partial: true });
        if (outcome === "complete" && inspector?.isPartial()) this.note({ partial: true });
        this.end({ status, bytes, aborted: outcome === "aborted" });
      },
    });
    return new Response(body, init(response, headers ?? response.headers));
  }

  /** Counts the exchange; only the first call has an effect. */
  end(fields) {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.onEnd?.();
    this.#deps.core.observeFields(this.#upstreamId(), this.#allFields(fields));
    this.#deps.flush(this.ctx);
    this.#release?.();
  }

  #upstreamId() {
    return this.#deps.core.upstream(this.#upstream);
  }

  #allFields(fields) {
    return { ...this.#fields, ...fields, endedMs: this.#deps.now(), durationMs: this.elapsedMs };
  }
}

function init({ status, statusText }, headers) {
  return { status, statusText, headers };
}
