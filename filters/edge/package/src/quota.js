// The caller's quota from response headers: the current `RateLimit` draft, its two earlier forms, and the `X-RateLimit-*` pair.

/** Returns the quota that is closest to exhaustion, if a header reports both its limit and its remainder. */
export function quotaOf(headers) {
  const state = headers.get("ratelimit");
  const header = (name) => headers.get(`ratelimit-${name}`) ?? headers.get(`x-ratelimit-${name}`);
  return (
    quotaOfPolicies(state, headers.get("ratelimit-policy")) ??
    quota(namedValue(state, "limit"), namedValue(state, "remaining")) ??
    quota(header("limit"), header("remaining"))
  );
}

function quotaOfPolicies(state, policy) {
  if (!state || !policy) return undefined;
  const limits = new Map(policy.split(",").map((member) => [nameOf(member), parameter(member, "q")]));
  const quotas = state
    .split(",")
    .map((member) => quota(limits.get(nameOf(member)), parameter(member, "r")))
    .filter((found) => found !== undefined);
  return quotas.sort((a, b) => a.remaining * b.limit - b.remaining * a.limit)[0];
}

function nameOf(member) {
  return member.split(";")[0].trim().replaceAll('"', "");
}

function parameter(member, key) {
  return member.split(";").slice(1).map((pair) => pair.trim().split("=")).find(([name]) => name === key)?.[1];
}

function namedValue(state, key) {
  return state?.split(",").map((pair) => pair.trim().split("=")).find(([name]) => name?.toLowerCase() === key)?.[1];
}

function quota(limitText, remainingText) {
  const [limit, remaining] = [leadingInteger(limitText), leadingInteger(remainingText)];
  return limit !== undefined && remaining !== undefined ? { limit, remaining } : undefined;
}

/** Returns the integer at the start of a value: 100 for `100, 100;w=60`. */
function leadingInteger(text) {
  const digits = /^\s*(\d{1,15})/.exec(text ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}
