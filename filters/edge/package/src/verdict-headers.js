// The headers that report a near miss to the gateway's client. They contain no address and no internal name.

/** Returns a copy of `headers` with the enabled verdict headers, or nothing if there is nothing to add. */
export function withVerdictHeaders(headers, { header, serverTiming }, preview, elapsedMs) {
  if (!header && !serverTiming) return undefined;
  const text = preview();
  if (text === "") return undefined;
  const extended = new Headers(headers);
  if (header) extended.set("near-miss", text);
  if (serverTiming) extended.append("server-timing", `near-miss;desc="${text}";dur=${elapsedMs.toFixed(1)}`);
  return extended;
}
