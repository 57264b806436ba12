// Monitoring of a gateway's own handler.
import { Exchange } from "./exchange.js";
import { refuse, refuseUnknown } from "./validate.js";

/** Returns a handler with the same arguments: the request first, and a context with `waitUntil` among the others, if any. */
export function wrapHandler(deps, exchanges, handler, options) {
  refuseUnknown(options, ["upstream", "timeout", "deadline", "maxAttempts"], "wrap");
  if (typeof handler !== "function") refuse("handler", handler, "a function");
  const { upstream = "none", ...limits } = options;
  if (typeof upstream !== "string") refuse("upstream", upstream, "a name");
  return async (request, ...rest) => {
    const ctx = rest.find((argument) => typeof argument?.waitUntil === "function");
    const exchange = new Exchange(deps, request, upstream, limits, ctx);
    exchanges.set(request, exchange);
    try {
      return exchange.respond(await handler(request, ...rest));
    } catch (error) {
      exchange.end(request.signal?.aborted ? { aborted: true, status: 499 } : { status: 500 });
      throw error;
    }
  };
}
