// Requests and responses of this runtime and of other implementations of fetch, such as the npm package undici.

/** Functions that do not accept this runtime's requests. */
const foreign = new WeakSet();

/** Returns the input as a request of this runtime. */
export function toRequest(input) {
  if (input instanceof Request) return input;
  if (!isRequest(input)) return new Request(input);
  return new Request(input.url, { ...parts(input), signal: input.signal });
}

/** Returns true for a response of any implementation. */
export function isResponse(value) {
  return value instanceof Response || (typeof value?.status === "number" && typeof value.headers?.get === "function" && "body" in value);
}

/** Returns true for a request of any implementation. */
export function isRequest(value) {
  return value instanceof Request || (typeof value?.url === "string" && typeof value.method === "string" && typeof value.headers?.get === "function");
}

/** Calls `fetch` with the request, or with its parts if `fetch` is of another implementation, which takes the request for a URL. */
export async function send(fetch, request) {
  if (foreign.has(fetch)) return fetch(request.url, { ...parts(request), signal: request.signal });
  try {
    return await fetch(request);
  } catch (error) {
    if (!isMistakenForUrl(error)) throw error;
    foreign.add(fetch);
    return fetch(request.url, { ...parts(request), signal: request.signal });
  }
}

function isMistakenForUrl(error) {
  return error?.name === "TypeError" && /\[object Request\]/.test(`${error.message} ${error.cause?.input ?? ""}`);
}

function parts({ method, headers, body, redirect }) {
  const hasBody = body !== null && body !== undefined;
  return { method, headers: [...headers], redirect, ...(hasBody ? { body, duplex: "half" } : {}) };
}
