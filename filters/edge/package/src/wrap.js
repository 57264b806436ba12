// Monitoring of a gateway's own handler.
import { bodyInMemory } from "./body-in-memory.js";
import { Exchange } from "./exchange.js";
import { mayBeInMemory } from "./observed-response.js";
import { isResponse } from "./transport.js";
import { durationOption, integerOption, refuse, refuseUnknown } from "./validate.js";

/** In Bun, a handler returns nothing after `server.upgrade`. */
const IS_BUN = typeof Bun !== "undefined";
/** The upstream of a handler that names none and throws. */
const HANDLER = "handler";

/** Returns a handler with the same arguments: the request first, and a context with `waitUntil` among the others, if any. */
export function wrapHandler(deps, exchanges, handler, options) {
  refuseUnknown(options, ["upstream", "timeout", "deadline", "maxAttempts"], "wrap");
  if (typeof handler !== "function") refuse("handler", handler, "a function");
  const { upstream = "none" } = options;
  if (typeof upstream !== "string" || upstream === "") refuse("upstream", upstream, "a name");
  const limits = {
    timeout: durationOption(options, "timeout"),
    deadline: durationOption(options, "deadline"),
    maxAttempts: integerOption(options, "maxAttempts", 1, 1_000, "a whole number, 1 to 1000"),
  };
  return async function (request, ...rest) {
    if (typeof request?.headers?.get !== "function") {
      throw new TypeError("nearmiss: `wrap` takes a handler of a fetch Request; with a framework that has requests of its own, use `observe`");
    }
    const ctx = rest.find((argument) => typeof argument?.waitUntil === "function");
    const exchange = new Exchange(deps, request, upstream, limits, ctx);
    exchanges.set(request, exchange);
    try {
      const response = await handler.call(this, request, ...rest);
      if (IS_BUN && response === undefined) return exchange.end({ status: 101 });
      if (!isResponse(response)) throw notAResponse(response);
      return exchange.respond(response, true, mayBeInMemory(response) ? await bodyInMemory(response) : undefined);
    } catch (error) {
      if (exchange.upstream === "none") exchange.note({ upstream: HANDLER });
      exchange.end(request.signal?.aborted ? { aborted: true, status: 499 } : { status: 500, reason: error?.name });
      throw error;
    }
  };
}

function notAResponse(value) {
  const kind = value === undefined || value === null ? String(value) : Object.prototype.toString.call(value);
  return new TypeError(`nearmiss: the wrapped handler returned ${kind}; it takes a handler that returns a Response`);
}
