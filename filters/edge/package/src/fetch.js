// A fetch for gateways: it always has a response for the caller, and every attempt is monitored.
import { discard } from "./attempt.js";
import { Deadline } from "./deadline.js";
import { Exchange } from "./exchange.js";
import { askFallback } from "./fallback.js";
import { forRequest } from "./fetch-options.js";
import { ReplayableRequest } from "./replayable-request.js";
import { Retrier } from "./retrier.js";
import { countedStatus, isErrorStatus } from "./statuses.js";
import { toRequest } from "./transport.js";

/**
 * Resolves to the upstream's response, the fallback's, or a 502 or 504. Rejects only if the caller's signal aborts, if the request's body
 * fails, or for a mistake in the program, such as a body that was already read.
 */
export async function gatewayFetch(deps, input, policy) {
  const request = toRequest(input);
  if (request.bodyUsed) throw new TypeError("nearmiss: the request's body has already been read; pass a request with an unread body");
  const options = forRequest(policy, request);
  const { upstream, route, traceId, timeout, deadline, maxAttempts } = options;
  const limit = new Deadline(deps, deadline, request.signal);
  const exchange = new Exchange(deps, request, upstream, { route, traceId, timeout, deadline, maxAttempts }, options.ctx);
  const replayable = new ReplayableRequest(request, maxAttempts > 1 || options.fallback !== undefined, options.replayBytes);
  const budget = deps.retryBudget(deps.core.upstream(upstream));
  budget.enter(deps.monotonicNow());
  exchange.bound(limit);
  try {
    const retrier = new Retrier(deps, options, replayable, budget, limit);
    return exchange.respond(await bestResponse(deps, exchange, retrier, options, request, replayable, limit));
  } catch (error) {
    limit.cancel();
    if (request.signal?.aborted || (await replayable.hasFailed())) exchange.end({ aborted: true, status: 499 });
    else exchange.discard();
    throw error;
  } finally {
    budget.leave();
    replayable.close();
  }
}

async function bestResponse(deps, exchange, retrier, options, request, replayable, limit) {
  const result = await retrier.run().catch((error) => {
    request.signal?.throwIfAborted();
    if (!limit.hasPassed) throw error;
    return { error, timedOut: true, attempt: { reason: "deadline" } };
  });
  if (result.isMistake || (result.error !== undefined && (await replayable.hasFailed()))) throw result.error;
  for (const attempt of retrier.attempts) exchange.note({ attempt: attempt.note });
  const reason = result.attempt.reason ?? retrier.attempts.findLast((attempt) => attempt.reason)?.reason;
  exchange.note({ hedged: retrier.hedged, breaker: retrier.isBudgetExhausted, reason });
  const { response } = result;
  if (response !== undefined && !isErrorStatus(countedStatus(response))) return response;
  if (options.fallback === undefined) return response ?? gatewayError(result);
  const answer = await askFallback(deps, options, request, replayable, result, limit);
  if (answer.response === undefined) {
    exchange.note({ reason: [reason, `fallback: ${answer.reason}`].filter(Boolean).join("; ") });
    return answer.kept ?? gatewayError(limit.hasPassed ? { timedOut: true } : result);
  }
  discard(response);
  exchange.note({ fallback: true });
  if (limit.hasPassed) exchange.bound(undefined);
  return answer.response;
}

function gatewayError({ timedOut, isFinal }) {
  const status = timedOut ? 504 : 502;
  const problem = timedOut ? "did not answer in time" : isFinal ? "redirected to where the request does not follow" : "could not be reached";
  return new Response(`The upstream ${problem}.\n`, { status, headers: { "content-type": "text/plain" } });
}
