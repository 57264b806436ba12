// The number of the client's own attempt, from the headers that clients and proxies set.

/** Returns 1 for a first attempt, or nothing if no header reports the number. */
export function clientAttempt(headers) {
  const attempts = [
    plusOne(headers.get("grpc-previous-rpc-attempts")),
    plusOne(headers.get("x-stainless-retry-count")),
    integer(/(?:^|;)\s*attempt=(\d{1,6})/.exec(headers.get("amz-sdk-request") ?? "")?.[1]),
    integer(headers.get("x-envoy-attempt-count")),
  ].filter((count) => count !== undefined);
  return attempts.length > 0 ? Math.max(...attempts) : undefined;
}

function integer(text) {
  return /^\d{1,6}$/.test(text ?? "") ? Number(text) : undefined;
}

function plusOne(text) {
  const count = integer(text);
  return count === undefined ? undefined : count + 1;
}
