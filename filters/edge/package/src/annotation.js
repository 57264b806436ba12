// What the caller of a gateway may read of its near miss; no address, no name of anything inside.

/** The headers with what was asked for, or nothing if they stay as they are. */
export function annotate(headers, { header, serverTiming }, preview, elapsedMs) {
  if (!header && !serverTiming) return undefined;
  const text = preview();
  if (text === "") return undefined;
  const annotated = new Headers(headers);
  if (header) annotated.set("near-miss", text);
  if (serverTiming) annotated.append("server-timing", `near-miss;desc="${text}";dur=${elapsedMs.toFixed(1)}`);
  return annotated;
}
