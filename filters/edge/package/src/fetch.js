// A fetch as a gateway needs it: it always has an answer for its caller, and the monitor hears of every attempt.
import { sleep } from "./clock.js";
import { Exchange } from "./exchange.js";
import { planOf } from "./plan.js";
import { Template } from "./template.js";
import { Tries } from "./tries.js";
import { discard } from "./attempt.js";

/**
 * The upstream's answer, the fallback's, or a 502 or 504 of its own. Rejects only with options that make no sense, and when the
 * caller's signal ends.
 */
export async function gatewayFetch(tools, input, options = {}) {
  const request = input instanceof Request ? input : new Request(input);
  const plan = planOf(options, request.method, tools.fetch);
  const { upstream, route, traceId, timeout, deadline, maxAttempts } = plan;
  const exchange = new Exchange(tools, request, upstream, { route, traceId, timeout, deadline, maxAttempts }, plan.ctx);
  const limit = new Deadline(tools.timers, deadline, request.signal);
  exchange.onEnd = () => limit.lift();
  try {
    const template = await Template.of(request, maxAttempts, plan.replayBytes);
    const tries = new Tries(tools, plan, template, tools.budget(tools.ledger.upstream(upstream)), limit.signal);
    return exchange.answer(await answer(exchange, tries, plan, request, limit));
  } catch (error) {
    exchange.end(request.signal?.aborted ? { aborted: true, status: 499 } : { status: 0 });
    throw error;
  }
}

async function answer(exchange, tries, plan, request, limit) {
  const result = await tries.run().catch((error) => {
    request.signal?.throwIfAborted();
    return { error, timedOut: limit.passed };
  });
  for (const attempt of tries.made) exchange.note({ attempt: attempt.note });
  exchange.note({ hedged: tries.hedged, breaker: tries.isShort });
  const { response } = result;
  if (response !== undefined && !isError(response.status)) return response;
  const instead = plan.fallback && !limit.passed ? await fallback(plan, request, result, limit) : undefined;
  if (instead === undefined) return response ?? ownAnswer(result);
  discard(response);
  exchange.note({ fallback: true });
  return instead;
}

/** What answers in the upstream's stead; nothing if that fails too. */
async function fallback(plan, request, { response, error }, limit) {
  try {
    const instead = await plan.fallback(request, response ?? error);
    if (instead instanceof Response) return instead;
    return await plan.fetch(new Request(instead, { signal: limit.signal }));
  } catch {
    request.signal?.throwIfAborted();
    return undefined;
  }
}

function ownAnswer({ timedOut }) {
  const status = timedOut ? 504 : 502;
  const text = timedOut ? "The upstream did not answer in time.\n" : "The upstream could not be reached.\n";
  return new Response(text, { status, headers: { "content-type": "text/plain" } });
}

function isError(status) {
  return status >= 500 || status === 429;
}

/** The end of patience with one exchange, its body included. */
class Deadline {
  #lifted = new AbortController();
  passed = false;

  constructor(timers, ms, caller) {
    const expired = new AbortController();
    this.signal = caller ? AbortSignal.any([caller, expired.signal]) : expired.signal;
    if (ms === undefined) return;
    sleep(timers, ms, this.#lifted.signal).then(
      () => {
        this.passed = true;
        expired.abort(new DOMException("the deadline has passed", "TimeoutError"));
      },
      () => {},
    );
  }

  lift() {
    this.#lifted.abort();
  }
}
