// Structured fields (RFC 9651, parsed leniently), split as the core's src/structured_fields.rs splits them; tests/headers.json has cases for
// both.

/**
 * Returns the members of a list or dictionary, without quotes: the `name` of a list's member, the key and value (`entry`) of a
 * dictionary's, and the parameters, of which the last one of a name counts. A flag has an empty value; a header that is
 * missing has no members.
 */
export function members(list) {
  if (!list) return [];
  return split(list, ",").map((member) => {
    const [item, ...parameters] = split(member, ";");
    return { name: unquoted(item), entry: pair(item), parameters: new Map(parameters.map(pair)) };
  });
}

/** Returns the keys and values of `key=value; key=value`. */
export function pairs(text) {
  return split(text, ";").map(pair);
}

/** Returns a decimal number up to `max`, or nothing if the text is anything else. */
export function integer(text, max = Number.MAX_SAFE_INTEGER) {
  const number = /^\s*\d+\s*$/.test(text ?? "") ? Number(text) : NaN;
  return number <= max ? number : undefined;
}

function pair(part) {
  const [key] = part.split("=", 1);
  return [key.trim(), unquoted(part.slice(key.length + 1))];
}

function unquoted(text) {
  return text.trim().replace(/^"([^]*)"$/, "$1");
}

/** Splits a text at separators outside quotes. */
function split(text, separator) {
  const parts = [];
  let [start, isQuoted, isEscaped] = [0, false, false];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === separator && !isQuoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
    if (text[at] === '"' && !isEscaped) isQuoted = !isQuoted;
    isEscaped = isQuoted && text[at] === "\\" && !isEscaped;
  }
  return [...parts, text.slice(start)];
}
