// Exchanges that are not counted, because they are no traffic.

/** The reasons for which exchanges are left out, in the order of the module. */
export const LEFT_OUT_REASONS = ["health_check", "mirrored"];

/** Returns the reason why an exchange with this request is left out, or nothing. */
export function leftOutReason(core, { headers, url }) {
  const path = url.slice(url.indexOf("/", url.indexOf("//") + 2));
  return LEFT_OUT_REASONS[core.leftOut(headers.get("user-agent") ?? "", path, headers.get("host") ?? "") - 1];
}

/** The same for what a gateway knows of the request. */
export function leftOutByFacts(core, { userAgent = "", path = "" }) {
  return userAgent === "" && path === "" ? undefined : LEFT_OUT_REASONS[core.leftOut(userAgent, path, "") - 1];
}
