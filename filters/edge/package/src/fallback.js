// The fallback of a route, which answers if the upstream does not.
import { abortable } from "./abortable.js";
import { discard } from "./attempt.js";
import { BodyCopy } from "./body-copy.js";
import { causeOf } from "./cause.js";
import { Deadline } from "./deadline.js";
import { isRequest, isResponse, send } from "./transport.js";
import { refuse } from "./validate.js";

/** Time in milliseconds for a fallback function that starts when the deadline has passed: enough for one that waits for nothing. */
const GRACE_MS = 20;
/** Maximum size of an error body that is kept until the fallback has answered. */
const MAX_KEPT_BYTES = 65_536;

/** Converts the option to a fallback: an object with either `constant`, `target` or `call`. */
export function parseFallback(fallback) {
  if (fallback === undefined || fallback === null) return undefined;
  if (typeof fallback === "function") return { call: fallback };
  if (isResponse(fallback)) return { constant: ConstantMessage.of(fallback) };
  if (isRequest(fallback)) return { target: ConstantMessage.of(fallback) };
  if (isUrlLike(fallback)) return { url: String(fallback) };
  return refuse("fallback", fallback, "a URL, a Request, a Response or a function that returns one");
}

/**
 * Asks the fallback within the deadline. Resolves to `{ response }`, or to `{ reason, kept }`, where `kept` is the upstream's error
 * response. A fallback that takes no time answers even after the deadline. Rejects only if the caller aborts.
 */
export async function askFallback(deps, options, request, replayable, { response, error }, limit) {
  const copy = response?.body && limit.remainingMs < Infinity && !options.fallback.constant ? BodyCopy.of(response, MAX_KEPT_BYTES) : undefined;
  try {
    const source = await sourceOf(deps, options.fallback, request, replayable, response ?? error, limit);
    const answer = isResponse(source) ? unread(source) : await fetched(options, source, request, replayable, limit);
    if (answer.type === "error") throw new DOMException("the fallback returned Response.error()", "NetworkError");
    return { response: answer };
  } catch (failure) {
    request.signal?.throwIfAborted();
    const reason = causeOf(failure);
    deps.report(options, { isFallback: true, error: failure, reason });
    return { reason, kept: limit.hasPassed ? rebuilt(response, copy) : response };
  } finally {
    copy?.close();
  }
}

/** Resolves to a response, or to the URL or request to fetch. */
async function sourceOf(deps, { call, constant, target, url }, request, replayable, cause, limit) {
  if (constant !== undefined) return constant.response();
  if (target !== undefined) return target.request(limit.signal);
  if (url !== undefined) return url;
  const bound = limit.hasPassed ? new Deadline(deps, GRACE_MS, request.signal) : limit;
  try {
    const { signal } = bound;
    return await abortable(() => call(replayable.create(signal) ?? request, cause, { signal }), signal, (late) => isResponse(late) && discard(late));
  } finally {
    if (bound !== limit) bound.cancel();
  }
}

/** Fetches the fallback. A URL gets the method, headers and body of the original request. */
async function fetched(options, source, request, replayable, limit) {
  limit.signal.throwIfAborted();
  const { signal } = limit;
  const isUrl = !isRequest(source);
  if (isUrl && !isUrlLike(source)) throw new TypeError("the fallback returned no Response, Request or URL");
  if (isUrl) await replayable.canReplay();
  const target = isUrl ? replayable.create(signal, String(source)) : new Request(source, { signal });
  if (target === undefined) throw new Error("the request's body is gone; it was longer than `replayBytes`");
  const response = await abortable(() => send(options.fetch, target), signal, discard);
  if (!isResponse(response)) throw new TypeError("`fetch` returned no Response");
  return response;
}

function isUrlLike(value) {
  return (typeof value === "string" || value instanceof URL) && URL.canParse(String(value));
}

function unread(response) {
  if (response.bodyUsed) throw new TypeError("the fallback's Response was already read; return a new one each time");
  return response;
}

/** Returns the error response with its copied body, if all of it arrived before the deadline. */
function rebuilt(response, copy) {
  if (response === undefined || response.status > 599) return undefined;
  if (!response.body) return response;
  return copy?.bytes === undefined ? undefined : new Response(copy.bytes, response);
}

/** A message that is used for many exchanges: its body is read once, because a body belongs to one request in some runtimes. */
class ConstantMessage {
  static #known = new WeakMap();
  #message;
  #init;
  #bytes;

  static of(message) {
    let constant = ConstantMessage.#known.get(message);
    if (constant === undefined) ConstantMessage.#known.set(message, (constant = new ConstantMessage(message)));
    return constant;
  }

  constructor(message) {
    if (message.bodyUsed) refuse("fallback", message, "a message whose body is unread");
    this.#message = message;
    const { status, statusText, headers, body } = message;
    this.#init = { status, statusText, headers: [...headers] };
    if (body) this.#bytes = message.clone().arrayBuffer();
    this.#bytes?.then((bytes) => (this.#bytes = bytes), () => {});
  }

  async response() {
    const bytes = this.#bytes === undefined ? null : await this.#bytes;
    return new Response(bytes, this.#init);
  }

  async request(signal) {
    if (this.#bytes === undefined) return new Request(this.#message, { signal });
    return new Request(this.#message, { body: await this.#bytes, signal });
  }
}
