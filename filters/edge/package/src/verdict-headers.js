// The headers that report a near miss to the gateway's client. They contain no address and no internal name.

/** Returns a function that edits headers, or nothing if there is nothing to add or remove. `isOwn` if the gateway made the response. */
export function verdictHeaders(headers, { header, serverTiming }, isOwn, preview, elapsedMs) {
  if (!header && !serverTiming) return undefined;
  const text = preview();
  // The header of an instance behind the upstream does not describe this exchange.
  const isForeign = header && !isOwn && headers.has("near-miss");
  if (text === "") return isForeign ? (edited) => edited.delete("near-miss") : undefined;
  return (edited) => {
    if (header) edited.set("near-miss", text);
    if (serverTiming) edited.append("server-timing", `near-miss;desc="${text}";dur=${elapsedMs.toFixed(1)}`);
  };
}
