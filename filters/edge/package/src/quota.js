// What an upstream says of its caller's quota, in the spellings that are in use: the `RateLimit` draft as it stands, in its
// middle form and in its first, and the `X-RateLimit-*` pair.

/** The quota that is nearest to its end, if both of its numbers are told. */
export function quotaOf(headers) {
  const state = headers.get("ratelimit");
  const either = (name) => headers.get(`ratelimit-${name}`) ?? headers.get(`x-ratelimit-${name}`);
  return (
    ofPolicies(state, headers.get("ratelimit-policy")) ??
    quota(named(state, "limit"), named(state, "remaining")) ??
    quota(either("limit"), either("remaining"))
  );
}

function ofPolicies(state, policy) {
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
  return member.split(";").slice(1).map((part) => part.trim().split("=")).find(([name]) => name === key)?.[1];
}

function named(state, key) {
  return state?.split(",").map((part) => part.trim().split("=")).find(([name]) => name?.toLowerCase() === key)?.[1];
}

function quota(limit, remaining) {
  const [whole, left] = [leading(limit), leading(remaining)];
  return whole !== undefined && left !== undefined ? { limit: whole, remaining: left } : undefined;
}

/** The whole number that a value begins with: 100 of `100, 100;w=60`. */
function leading(text) {
  const digits = /^\s*(\d{1,15})/.exec(text ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}
