// What a response says of itself.
import { quotaOf } from "./quota.js";

/** The facts in a response's headers; what is not said is left out. */
export function factsOf({ headers }, { fallbackHeader }) {
  const type = headers.get("content-type") ?? "";
  const facts = {};
  const set = (name, value) => {
    if (value !== undefined && value !== null && value !== false) facts[name] = value;
  };
  set("cacheStatus", headers.get("cache-status"));
  set("proxyStatus", headers.get("proxy-status"));
  set("stale", isStaleWarning(headers.get("warning")));
  set("fallback", fallbackHeader !== undefined && headers.has(fallbackHeader));
  set("stream", type.startsWith("text/event-stream"));
  const quota = quotaOf(headers);
  set("quotaLimit", quota?.limit);
  set("quotaRemaining", quota?.remaining);
  // Where the whole answer is headers; a fetch never shows trailers.
  const grpc = /^application\/grpc(?:$|[+; ])/.test(type) ? headers.get("grpc-status") : null;
  if (/^\d{1,2}$/.test(grpc ?? "")) set("grpcStatus", Number(grpc));
  return facts;
}

/** Whether a `Warning` says that the copy is stale (110) or could not be validated (111). */
function isStaleWarning(warning) {
  return /(?:^|,)\s*11[01] /.test(warning ?? "");
}
