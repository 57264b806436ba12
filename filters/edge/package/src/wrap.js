// A gateway's own handler, with its exchanges counted.
import { Exchange } from "./exchange.js";
import { known, refuse } from "./settings.js";

/** `handler` with the same arguments: the first is the request, one of the others may have a `waitUntil`. */
export function wrapped(tools, underWay, handler, options) {
  known(options, ["upstream", "timeout", "deadline", "maxAttempts"], "wrap");
  if (typeof handler !== "function") refuse("handler", handler, "a function");
  const { upstream = "none", ...limits } = options;
  if (typeof upstream !== "string") refuse("upstream", upstream, "a name");
  return async (request, ...rest) => {
    const ctx = rest.find((argument) => typeof argument?.waitUntil === "function");
    const exchange = new Exchange(tools, request, upstream, limits, ctx);
    underWay.set(request, exchange);
    try {
      return exchange.answer(await handler(request, ...rest));
    } catch (error) {
      exchange.end(request.signal?.aborted ? { aborted: true, status: 499 } : { status: 500 });
      throw error;
    }
  };
}
