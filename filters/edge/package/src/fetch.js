// A fetch for gateways: it always has a response for the caller, and every attempt is monitored.
import { discard } from "./attempt.js";
import { sleep } from "./clock.js";
import { Exchange } from "./exchange.js";
import { parseFetchOptions } from "./fetch-options.js";
import { ReplayableRequest } from "./replayable-request.js";
import { Retrier } from "./retrier.js";

/**
 * Resolves to the upstream's response, the fallback's, or a 502 or 504. Rejects only if the options are invalid or the caller's
 * signal aborts.
 */
export async function gatewayFetch(deps, input, rawOptions = {}) {
  const request = input instanceof Request ? input : new Request(input);
  const options = parseFetchOptions(rawOptions, request.method, deps.fetch);
  const { upstream, route, traceId, timeout, deadline, maxAttempts } = options;
  const exchange = new Exchange(deps, request, upstream, { route, traceId, timeout, deadline, maxAttempts }, options.ctx);
  const limit = new Deadline(deps.timers, deadline, request.signal);
  exchange.onEnd = () => limit.cancel();
  try {
    const replayable = await ReplayableRequest.from(request, maxAttempts, options.replayBytes);
    const retrier = new Retrier(deps, options, replayable, deps.retryBudget(deps.core.upstream(upstream)), limit.signal);
    return exchange.respond(await bestResponse(exchange, retrier, options, request, limit));
  } catch (error) {
    exchange.end(request.signal?.aborted ? { aborted: true, status: 499 } : { status: 0 });
    throw error;
  }
}

async function bestResponse(exchange, retrier, options, request, limit) {
  const result = await retrier.run().catch((error) => {
    request.signal?.throwIfAborted();
    return { error, timedOut: limit.hasPassed };
  });
  for (const attempt of retrier.attempts) exchange.note({ attempt: attempt.note });
  exchange.note({ hedged: retrier.hedged, breaker: retrier.isBudgetExhausted });
  const { response } = result;
  if (response !== undefined && !isError(response.status)) return response;
  const substitute = options.fallback && !limit.hasPassed ? await fallbackResponse(options, request, result, limit) : undefined;
  if (substitute === undefined) return response ?? gatewayError(result);
  discard(response);
  exchange.note({ fallback: true });
  return substitute;
}

/** Returns the fallback's response, or nothing if the fallback fails too. */
async function fallbackResponse(options, request, { response, error }, limit) {
  try {
    const substitute = await options.fallback(request, response ?? error);
    if (substitute instanceof Response) return substitute;
    return await options.fetch(new Request(substitute, { signal: limit.signal }));
  } catch {
    request.signal?.throwIfAborted();
    return undefined;
  }
}

function gatewayError({ timedOut }) {
  const status = timedOut ? 504 : 502;
  const text = timedOut ? "The upstream did not answer in time.\n" : "The upstream could not be reached.\n";
  return new Response(text, { status, headers: { "content-type": "text/plain" } });
}

function isError(status) {
  return status >= 500 || status === 429;
}

/** The deadline of one exchange, which covers the response body. */
class Deadline {
  #cancelled = new AbortController();
  hasPassed = false;

  constructor(timers, ms, callerSignal) {
    const expired = new AbortController();
    this.signal = callerSignal ? AbortSignal.any([callerSignal, expired.signal]) : expired.signal;
    if (ms === undefined) return;
    sleep(timers, ms, this.#cancelled.signal).then(
      () => {
        this.hasPassed = true;
        expired.abort(new DOMException("the deadline has passed", "TimeoutError"));
      },
      () => {},
    );
  }

  cancel() {
    this.#cancelled.abort();
  }
}
