// The fields of an exchange that a response's headers report.
import { quotaOf } from "./quota.js";
import { integer, members } from "./structured-fields.js";

/** Returns the fields that the headers report; all others are absent. */
export function responseFields({ headers }, { fallbackHeader }) {
  const type = headers.get("content-type") ?? "";
  const fields = {};
  const set = (name, value) => {
    if (value !== undefined && value !== null && value !== false) fields[name] = value;
  };
  set("cacheStatus", headers.get("cache-status"));
  set("proxyStatus", headers.get("proxy-status"));
  set("stale", isStaleWarning(headers.get("warning")));
  set("fallback", fallbackHeader !== undefined && headers.has(fallbackHeader));
  set("stream", type.startsWith("text/event-stream"));
  const quota = quotaOf(headers);
  set("quotaLimit", quota?.limit);
  set("quotaRemaining", quota?.remaining);
  // Present in trailers-only responses; fetch never exposes trailers.
  if (/^application\/grpc(?:$|[+; ]|-web)/.test(type)) set("grpcStatus", integer(headers.get("grpc-status"), 2 ** 32 - 1));
  return fields;
}

/** Returns true if a `Warning` header says that the response is stale (110) or that revalidation failed (111). */
function isStaleWarning(warning) {
  return members(warning).some(({ name }) => /^11[01](?: |$)/.test(name));
}
