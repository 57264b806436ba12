// The caller's quota from response headers: the current `RateLimit` draft, its two earlier forms, and the `X-RateLimit-*` pair.
import { integer, members } from "./structured-fields.js";

/** Returns the quota that is closest to exhaustion, if a header reports both its limit and its remainder. */
export function quotaOf(headers) {
  const state = members(headers.get("ratelimit"));
  const header = (name) => leadingInteger(headers.get(`ratelimit-${name}`) ?? headers.get(`x-ratelimit-${name}`));
  return (
    quotaOfPolicies(state, members(headers.get("ratelimit-policy"))) ??
    quota(namedInteger(state, "limit"), namedInteger(state, "remaining")) ??
    quota(header("limit"), header("remaining"))
  );
}

/**
 * Returns the seconds until the last exhausted limit of a `RateLimit` header is reset: `"burst";r=0;t=30` in the current draft,
 * `limit=10, remaining=0, reset=30` in an earlier one.
 */
export function secondsUntilReset(header) {
  const state = members(header);
  const resets = state
    .filter(({ parameters }) => leadingInteger(parameters.get("r")) === 0)
    .map(({ parameters }) => leadingInteger(parameters.get("t")))
    .filter((found) => found !== undefined);
  if (resets.length > 0) return Math.max(...resets);
  return namedInteger(state, "remaining") === 0 ? namedInteger(state, "reset") : undefined;
}

function quotaOfPolicies(state, policies) {
  const limitOf = (name) => leadingInteger(policies.find((policy) => policy.name === name)?.parameters.get("q"));
  const quotas = state
    .map(({ name, parameters }) => quota(limitOf(name), leadingInteger(parameters.get("r"))))
    .filter((found) => found !== undefined);
  return quotas.sort((a, b) => a.remaining * b.limit - b.remaining * a.limit)[0];
}

function namedInteger(state, name) {
  return leadingInteger(state.find(({ entry: [key] }) => key.toLowerCase() === name)?.entry[1]);
}

function quota(limit, remaining) {
  return limit !== undefined && remaining !== undefined ? { limit, remaining } : undefined;
}

/** Returns the integer at the start of a value: 100 for `100, 100;w=60`. */
function leadingInteger(text) {
  return integer(/^\s*\d+/.exec(text ?? "")?.[0]);
}
