// The cause of a failed attempt: a short code for records, and the distinction between a failure of the network and one of the program.

/** Words in the messages of runtimes that give no code, and the code that Node gives for the same cause. */
const WORDS = [
  [/certificate|\btls\b|\bssl\b|handshake|corrupt message/i, "TLS"],
  [/\bdns\b|getaddrinfo|lookup|name or service not known|resolve host/i, "ENOTFOUND"],
  [/refused/i, "ECONNREFUSED"],
  [/reset|connection (?:was )?(?:lost|closed)|socket hang up|terminated|other side closed/i, "ECONNRESET"],
  [/timed? ?out/i, "ETIMEDOUT"],
  [/invalid http|unreachable|\bnetwork\b/i, "NETWORK"],
  [/bad port/i, "BAD_PORT"],
  [/\bredirect\b/i, "REDIRECT"],
];
/** Codes and messages for a redirect that the request forbids, and for redirects in a circle. */
const FORBIDDEN_REDIRECT = /unexpected ?redirect|redirect mode|redirect count|too ?many ?redirects|number of redirects/i;
/** Messages of a `TypeError` with which runtimes report a failure of the network. */
const NETWORK = /fetch failed|failed to fetch|networkerror|load failed|network|error sending request|connect|socket|body from connection|redirect/i;
/** Codes of requests that can never be sent. */
const UNSENDABLE = /^ERR_INVALID|^UND_ERR_INVALID_ARG$|^ERR_ASSERTION/;
/** Causes that undici reports as a failure of the network, but that are mistakes in the request. */
const MISTAKES = /unknown scheme|invalid url|not supported/i;
/** Messages with which engines report a mistake in the program. */
const PROGRAM_WORDS = /cannot (?:read|set|access|destructure|convert)|is not (?:a|an|defined|iterable|callable)\b|undefined|already been used|unusable/i;
const PROGRAM = new Set(["TypeError", "ReferenceError", "RangeError", "SyntaxError"]);
const MAX_DEPTH = 5;

/** Returns a short code such as `ENOTFOUND`. It contains no address, since it is the error's code or a word of its class. */
export function causeOf(error) {
  const errors = chain(error);
  if (isForbiddenRedirect(error)) return "REDIRECT";
  const code = errors.map(codeOf).find((found) => found !== undefined);
  if (code !== undefined) return code;
  const text = errors.map(({ message }) => String(message ?? "")).join(" ");
  return WORDS.find(([words]) => words.test(text))?.[1] ?? nameOf(error);
}

/** Returns true if the upstream redirected to where the request does not follow: it has answered, and another attempt changes nothing. */
export function isForbiddenRedirect(error) {
  return chain(error).some(({ code, message }) => FORBIDDEN_REDIRECT.test(`${code} ${message}`));
}

/** Returns true if the error is a mistake in the program, which a retry or a fallback must not hide. */
export function isProgrammingError(error) {
  if (!PROGRAM.has(error?.name) || error.remote === true) return false;
  const [, ...causes] = chain(error);
  const codes = chain(error).map(codeOf).filter((code) => code !== undefined);
  if (codes.some((code) => UNSENDABLE.test(code)) || causes.some(({ message }) => MISTAKES.test(message))) return true;
  if (codes.length > 0 || causes.length > 0) return false;
  if (error.name !== "TypeError" || PROGRAM_WORDS.test(error.message)) return true;
  return !(NETWORK.test(error.message) || WORDS.some(([words]) => words.test(error.message)));
}

/** Returns the error and its causes, outermost first. */
function chain(error) {
  const errors = [];
  for (let next = error; next !== null && typeof next === "object" && errors.length < MAX_DEPTH; next = next.cause ?? next.errors?.[0]) {
    errors.push(next);
  }
  return errors;
}

function codeOf({ code }) {
  return typeof code === "string" && /^[A-Z]\w{1,63}$/.test(code) ? code : undefined;
}

function nameOf(error) {
  const name = error?.name;
  return typeof name === "string" && /^\w{1,64}$/.test(name) ? name : "error";
}
