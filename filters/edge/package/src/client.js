// Which try of its client's own a request is, by the headers that clients and proxies add.

/** 1 for a first try; nothing where nobody says. */
export function clientAttempt(headers) {
  const tries = [
    plusOne(headers.get("grpc-previous-rpc-attempts")),
    plusOne(headers.get("x-stainless-retry-count")),
    whole(/(?:^|;)\s*attempt=(\d{1,6})/.exec(headers.get("amz-sdk-request") ?? "")?.[1]),
    whole(headers.get("x-envoy-attempt-count")),
  ].filter((count) => count !== undefined);
  return tries.length > 0 ? Math.max(...tries) : undefined;
}

function whole(text) {
  return /^\d{1,6}$/.test(text ?? "") ? Number(text) : undefined;
}

function plusOne(text) {
  const count = whole(text);
  return count === undefined ? undefined : count + 1;
}
