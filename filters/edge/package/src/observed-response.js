// The response that the caller gets: the origin's own where the runtime allows it, observed from the side.
import { set } from "./body-observation.js";

/** True in runtimes whose responses read their body through the stream's public methods, such as Node: the response itself is handed on. */
const READS_PUBLICLY = readsPublicly();
/** True in Workers, whose streams have a length and whose bodies pass through compressed. */
const IS_WORKERD = typeof FixedLengthStream === "function";

/** Returns the response with its headers edited by `edit`, if there is an edit, and otherwise as it is. */
export function withHeaders(response, edit) {
  if (edit === undefined) return response;
  const { status, body } = response;
  if (!READS_PUBLICLY || body === null) return isConstructible(status) ? rebuilt(response, body, edit) : response;
  const headers = new Headers(response.headers);
  edit(headers);
  set(response, "headers", headers);
  return response;
}

/** Returns true if the body of this response can be observed without changing what the caller gets. */
export function isObservable(response) {
  if (response.bodyUsed || response.body.locked) return false;
  if (READS_PUBLICLY) return true;
  if (!isConstructible(response.status) || Object.getPrototypeOf(response) !== Response.prototype) return false;
  // In a Worker, a compressed body would be decompressed and compressed again.
  return !(IS_WORKERD && isEncoded(response.headers));
}

/** Returns true if a handler's response may have a body in memory, with a length that only the runtime knows. Does not look at the body. */
export function mayBeInMemory({ status, bodyUsed, headers }) {
  const isKnown = headers.get("content-length") !== null || (IS_WORKERD && isEncoded(headers));
  return !READS_PUBLICLY && !bodyUsed && isConstructible(status) && !isKnown;
}

/** Returns the response for the caller, whose body reports to `observation`. Calls `onStream` with the observed stream. */
export function observedResponse(response, edit, observation, onStream) {
  if (READS_PUBLICLY) {
    observeInPlace(response.body, observation);
    onStream(response.body);
    return withHeaders(response, edit);
  }
  let body = observedStream(response.body, observation);
  const length = response.headers.get("content-length");
  if (IS_WORKERD && /^\d+$/.test(length ?? "")) body = body.pipeThrough(new FixedLengthStream(Number(length)));
  onStream(body);
  return rebuilt(response, body, edit);
}

function isEncoded(headers) {
  return !["", "identity"].includes(headers.get("content-encoding") ?? "");
}

/** Returns true for a status that a program may give a response. */
function isConstructible(status) {
  return status >= 200 && status <= 599;
}

/** Returns a new response. The old one as the init keeps how a Worker encodes the body. */
export function rebuilt(response, body, edit) {
  const result = new Response(body, response);
  for (const name of ["url", "redirected", "type"]) set(result, name, response[name]);
  edit?.(result.headers);
  return result;
}

/** Observes all readers of a stream. */
function observeInPlace(stream, observation) {
  const [getReader, cancel] = [stream.getReader.bind(stream), stream.cancel.bind(stream)];
  const proxied = () => observedStream(stream, observation, getReader);
  observation.onUnlocked((reason) => void cancel(reason).catch(() => {}));
  set(stream, "getReader", (options) => observation.attach(getReader(options)));
  set(stream, "cancel", (reason) => {
    if (!stream.locked) observation.cancelled(reason);
    return cancel(reason);
  });
  set(stream, "tee", () => proxied().tee());
  set(stream, "pipeTo", async (...args) => proxied().pipeTo(...args));
  set(stream, "pipeThrough", (...args) => proxied().pipeThrough(...args));
  set(stream, "values", (options) => proxied().values(options));
  set(stream, Symbol.asyncIterator, (options) => proxied().values(options));
}

/** Returns a stream of the same chunks, read only on demand, of the same kind as the body. */
function observedStream(body, observation, getReader = body.getReader.bind(body)) {
  const type = isByteStream(getReader) ? "bytes" : undefined;
  const reader = observation.attach(getReader());
  return new ReadableStream(
    {
      type,
      async pull(controller) {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) {
            controller.close();
            controller.byobRequest?.respond(0);
            return;
          }
          // A byte stream refuses empty chunks.
          if (type === "bytes" && value.byteLength === 0) continue;
          controller.enqueue(value);
          return;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function isByteStream(getReader) {
  try {
    getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

function readsPublicly() {
  try {
    const stream = new ReadableStream({ start: (controller) => controller.close() });
    let isCalled = false;
    const getReader = stream.getReader.bind(stream);
    set(stream, "getReader", (options) => ((isCalled = true), getReader(options)));
    new Response(stream).text().catch(() => {});
    return isCalled;
  } catch {
    // Workers create no streams outside a request, and read privately.
    return false;
  }
}
