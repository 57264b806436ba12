// The number of the client's own attempt, from the headers that clients and proxies set.
import { integer, members, pairs } from "./structured-fields.js";

const MAX_ATTEMPT = 2 ** 32 - 1;

/** Returns 1 for a first attempt, or nothing if no header reports the number. */
export function clientAttempt(headers) {
  const attempts = [
    attemptAfter(headers.get("grpc-previous-rpc-attempts")),
    attemptAfter(headers.get("x-stainless-retry-count")),
    integer(pairs(headers.get("amz-sdk-request") ?? "").find(([key]) => key === "attempt")?.[1], MAX_ATTEMPT),
    // Two proxies in a row each add a count if the second one does not overwrite the first.
    ...members(headers.get("x-envoy-attempt-count")).map(({ name }) => integer(name, MAX_ATTEMPT)),
  ].filter((count) => count !== undefined);
  return attempts.length > 0 ? Math.max(...attempts) : undefined;
}

function attemptAfter(retries) {
  const count = integer(retries, MAX_ATTEMPT - 1);
  return count === undefined ? undefined : count + 1;
}
