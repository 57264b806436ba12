// An exchange in progress: collects its fields until the response is complete, then counts it.
import { BodyInspector } from "./body-inspector.js";
import { BodyObservation } from "./body-observation.js";
import { clientAttempt } from "./client-attempt.js";
import { leftOutReason } from "./left-out.js";
import { isObservable, observedResponse, rebuilt, withHeaders } from "./observed-response.js";
import { responseFields } from "./response-fields.js";
import { countedStatus, isErrorStatus } from "./statuses.js";
import { verdictHeaders } from "./verdict-headers.js";

/** In a Worker without a deadline, an exchange whose body was not read for so long is counted, and the Worker may end. */
const UNREAD_AFTER_MS = 10_000;

export class Exchange {
  #deps;
  #started;
  #upstream;
  #fields;
  #hasEnded = false;
  /** The reason why the exchange is not counted, if it is not. */
  #leftOut;
  #ctx;
  #signal;
  #limit;
  #status;
  /** Time of the response's headers. */
  #answered;
  #timer;
  #unlisten;
  #release;

  /** Starts the exchange. `ctx.waitUntil` keeps a Worker alive until the exchange is counted. */
  constructor(deps, request, upstream, limits, ctx) {
    this.#deps = deps;
    // Some runtimes have random numbers only inside a request, and an exchange may end outside.
    deps.core.start();
    this.#started = deps.monotonicNow();
    this.#leftOut = leftOutReason(deps.core, request);
    this.#upstream = upstream;
    this.#fields = { ...limits, clientAttempt: clientAttempt(request.headers), attemptLog: [], attempts: 1 };
    this.#ctx = ctx;
    this.#signal = request.signal;
    deps.open.add(this);
    this.#keepAlive();
  }

  /** Time since the exchange started, in milliseconds. */
  get elapsedMs() {
    return Math.max(0, this.#deps.monotonicNow() - this.#started);
  }

  /** The upstream as named so far. */
  get upstream() {
    return this.#upstream;
  }

  /** Sets the deadline that bounds the response's body; `undefined` removes it. */
  bound(limit) {
    this.#limit = limit;
  }

  /** Adds fields; an attempt is appended to the attempt log. Returns false if the exchange has ended. */
  note({ upstream, attempt, ...fields }) {
    if (this.#hasEnded) return false;
    if (upstream !== undefined) this.#upstream = upstream;
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) this.#fields[name] = value;
    if (attempt !== undefined) {
      this.#fields.attemptLog.push(attempt);
      this.#fields.attempts = this.#fields.attemptLog.length;
      if (attempt.host !== undefined) this.#fields.host = attempt.host;
    }
    return true;
  }

  /**
   * Returns the response for the caller: with verdict headers, and observed until its last byte. `isOwn` if the gateway made it, whose body
   * may then be in memory: `bytes`.
   */
  respond(response, isOwn = false, bytes = undefined) {
    try {
      return this.#respond(response, isOwn, bytes);
    } catch (error) {
      // Monitoring must not fail a response.
      this.#deps.warnings.show("respond", "a response could not be observed:", error);
      this.end({ status: countedStatus(response) });
      return response;
    }
  }

  #respond(response, isOwn, bytes) {
    const { settings } = this.#deps;
    this.note(responseFields(response, settings));
    const status = countedStatus(response);
    this.#status = status;
    this.#answered = { endedMs: this.#deps.now(), durationMs: this.elapsedMs };
    const preview = () => (this.#leftOut ? "" : this.#deps.core.preview(this.#upstreamId(), this.#allFields({ status })));
    const isUpgrade = status === 101 || Boolean(response.webSocket);
    const edit = isUpgrade ? undefined : verdictHeaders(response.headers, settings, isOwn, preview, this.elapsedMs);
    if (bytes !== undefined) return this.#complete(response, edit, bytes);
    if (isUpgrade || response.body === null) {
      this.#limit?.cancel();
      this.end({ status });
      return withHeaders(response, edit);
    }
    this.#limit?.unref();
    // Callers rarely read the body of an error.
    if (isErrorStatus(status)) this.end({ status });
    if (!isObservable(response)) {
      this.end({ status });
      return withHeaders(response, edit);
    }
    return this.#observed(response, edit);
  }

  #complete(response, edit, bytes) {
    const inspector = BodyInspector.for(response, this.#deps.settings.inspectBytes);
    inspector?.push(bytes);
    if (inspector?.isPartial()) this.note({ partial: true });
    this.end({ status: response.status, bytes: bytes.byteLength });
    try {
      edit?.(response.headers);
      return response;
    } catch {
      // The headers of a fetched response cannot be edited.
      return rebuilt(response, bytes, edit);
    }
  }

  /** Counts the exchange; only the first call has an effect. */
  end(fields) {
    if (this.#hasEnded) return;
    this.#close();
    if (this.#leftOut) this.#deps.core.metrics.countLeftOut(this.#leftOut);
    else this.#deps.core.observeFields(this.#upstreamId(), this.#allFields(fields));
    this.#deps.flush(this.#ctx);
    this.#release?.();
  }

  /** Counts an exchange whose body was not read to its end: it ended with its headers, and its time says nothing about the upstream. */
  endUnread() {
    if (this.#answered === undefined) return;
    this.end({ status: this.#status, ...this.#answered, stream: true, quotaLimit: undefined, quotaRemaining: undefined });
  }

  /** Ends the exchange after its body was garbage-collected. */
  collected() {
    this.#unlisten?.();
    this.#limit?.cancel();
    this.endUnread();
  }

  /** Ends the exchange without counting it. */
  discard() {
    if (this.#hasEnded) return;
    this.#close();
    this.#release?.();
  }

  #close() {
    this.#hasEnded = true;
    this.#deps.open.delete(this);
    if (this.#timer !== undefined) this.#deps.timers.clearTimeout(this.#timer);
  }

  #observed(response, edit) {
    const status = this.#status;
    const inspector = this.#hasEnded ? undefined : BodyInspector.for(response, this.#deps.settings.inspectBytes);
    const observation = new BodyObservation(this.#signal, {
      onChunk: (chunk) => inspector?.push(chunk),
      onEnd: (bytes, outcome) => {
        this.#limit?.cancel();
        this.#deps.open.unwatch(this);
        if (outcome === "unread") return this.endUnread();
        if (outcome === "cut" || (outcome === "complete" && inspector?.isPartial())) this.note({ partial: true });
        this.end({ status, bytes, aborted: outcome === "aborted" });
      },
    });
    this.#unlisten = observation.unlisten;
    this.#expireLater(observation);
    return observedResponse(response, edit, observation, (stream) => this.#deps.open.watch(stream, this));
  }

  /** Ends the observation at the deadline, without keeping an unread body alive. */
  #expireLater(observation) {
    const weak = typeof WeakRef === "undefined" ? { deref: () => observation } : new WeakRef(observation);
    this.#limit?.onExpire(() => {
      weak.deref()?.expire(new DOMException("the deadline has passed", "TimeoutError"));
      this.endUnread();
    });
    const isBounded = this.#limit?.remainingMs < Infinity;
    if (this.#ctx === undefined || isBounded || this.#hasEnded) return;
    this.#endIfUnread(weak);
  }

  /** Counts the exchange once a while has passed in which the body was not read. */
  #endIfUnread(weak) {
    this.#timer = this.#deps.timers.setTimeout(() => (weak.deref()?.isRead() ? this.#endIfUnread(weak) : this.endUnread()), UNREAD_AFTER_MS);
    this.#timer?.unref?.();
  }

  #keepAlive() {
    try {
      this.#ctx?.waitUntil(new Promise((resolve) => (this.#release = resolve)));
    } catch (error) {
      // A function that was taken from its object, or a request that has ended.
      this.#deps.warnings.show("waitUntil", "`ctx.waitUntil` failed; pass the context itself:", error);
    }
  }

  #upstreamId() {
    return this.#deps.core.upstream(this.#upstream);
  }

  #allFields(fields) {
    return { service: this.#serviceMs(), ...this.#fields, endedMs: this.#deps.now(), durationMs: this.elapsedMs, ...fields };
  }

  /** Time until the headers of the response: the transfer of the body depends on its size and on the client. */
  #serviceMs() {
    const { attemptLog, attempts } = this.#fields;
    const headersMs = attempts === 1 ? this.#answered?.durationMs : undefined;
    return this.#answered === undefined ? undefined : (attemptLog.at(-1)?.durationMs ?? headersMs);
  }
}
