// The response that the caller gets: the origin's own where the runtime allows it, observed from the side.
import { set } from "./body-observation.js";

/** True in runtimes whose responses read their body through the stream's public methods, such as Node: the response itself is handed on. */
const READS_PUBLICLY = readsPublicly();
/** True in Workers, whose streams have a length and whose bodies pass through compressed. */
const IS_WORKERD = typeof FixedLengthStream === "function";
const IS_BUN = typeof Bun !== "undefined";

/** Returns the response with its headers edited by `edit`, if there is an edit, and otherwise as it is. */
export function withHeaders(response, edit) {
  if (edit === undefined) return response;
  const { status, body } = response;
  if (!READS_PUBLICLY || body === null) return isConstructible(status) ? rebuilt(response, body, edit) : response;
  const headers = new Headers(response.headers);
  edit(headers);
  return withOwnHeaders(response, headers);
}

/** Sets the headers of a response that the runtime does not allow to be changed, and of its clones. */
function withOwnHeaders(response, headers) {
  const clone = response.clone.bind(response);
  set(response, "headers", headers);
  set(response, "clone", () => withOwnHeaders(clone(), new Headers(headers)));
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
  const body = observedStream(response.body, observation);
  onStream(body);
  const length = response.headers.get("content-length");
  const isLong = IS_WORKERD && /^\d+$/.test(length ?? "");
  return rebuilt(response, isLong ? body.pipeThrough(new FixedLengthStream(Number(length))) : body, edit);
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
  // In Bun, the blob of a stream has no type.
  if (IS_BUN) set(result, "blob", async () => new Blob([await result.arrayBuffer()], { type: result.headers.get("content-type") ?? "" }));
  edit?.(result.headers);
  return result;
}

/** Observes all readers of a stream. */
function observeInPlace(stream, observation) {
  const [getReader, cancel] = [stream.getReader.bind(stream), stream.cancel.bind(stream)];
  observation.onUnlocked((reason) => void cancel(reason).catch(() => {}));
  set(stream, "getReader", (options) => observation.attach(getReader(options)));
  set(stream, "cancel", (reason) => {
    if (!stream.locked) observation.cancelled(reason);
    return cancel(reason);
  });
  const proxied = () => {
    const isBytes = isByteStream(getReader);
    const reader = stream.getReader();
    return { reader, proxy: streamOf(reader, isBytes) };
  };
  set(stream, "tee", () => proxied().proxy.tee());
  set(stream, "pipeThrough", (...args) => proxied().proxy.pipeThrough(...args));
  set(stream, "pipeTo", async (...args) => {
    const { reader, proxy } = proxied();
    try {
      return await proxy.pipeTo(...args);
    } finally {
      reader.releaseLock();
    }
  });
  const values = (options) => chunksOf(stream.getReader(), options);
  set(stream, "values", values);
  set(stream, Symbol.asyncIterator, values);
}

/** Iterates over the chunks of a reader. At the end, and when the consumer stops, the stream is unlocked. */
async function* chunksOf(reader, { preventCancel = false } = {}) {
  let isOpen = true;
  const read = async () => {
    isOpen = false;
    const result = await reader.read();
    isOpen = !result.done;
    return result.value;
  };
  try {
    for (let chunk = await read(); isOpen; chunk = await read()) yield chunk;
  } finally {
    if (isOpen && !preventCancel) await reader.cancel();
    reader.releaseLock();
  }
}

/** Returns an observed stream of the same chunks. */
function observedStream(body, observation) {
  const isBytes = isByteStream((options) => body.getReader(options));
  return streamOf(observation.attach(body.getReader()), isBytes);
}

/** Returns a stream of the reader's chunks, read only on demand. A byte stream if the body is one. */
function streamOf(reader, isBytes) {
  const type = isBytes ? "bytes" : undefined;
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
