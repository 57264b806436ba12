// Options, checked: each complaint names the option, what was found and what it takes.

/** A problem of the caller's own making. */
export function refuse(name, found, takes) {
  const shown = typeof found === "string" ? JSON.stringify(found) : String(found);
  throw new TypeError(`nearmiss: \`${name}\` is ${shown}; it takes ${takes}`);
}

/** Refuses options that do not exist. */
export function known(options, names, where) {
  if (typeof options !== "object" || options === null) refuse(where, options, "an object");
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(`nearmiss: \`${name}\` is not an option of ${where}; there are ${names.join(", ")}`);
    }
  }
}

/** A number within a range, or `otherwise` if there is none. */
export function number(options, name, min, max, takes, otherwise) {
  const value = options[name];
  if (value === undefined) return otherwise;
  if (typeof value !== "number" || !(value >= min && value <= max)) refuse(name, value, takes);
  return value;
}

/** A whole number within a range, or `otherwise`. */
export function whole(options, name, min, max, takes, otherwise) {
  const value = number(options, name, min, max, takes, otherwise);
  if (value !== undefined && !Number.isInteger(value)) refuse(name, value, takes);
  return value;
}

/** Milliseconds above zero, up to a day. */
export function span(options, name, otherwise) {
  return number(options, name, Number.MIN_VALUE, 86_400_000, "milliseconds, above 0 and at most a day", otherwise);
}

/** A function, or `otherwise`. */
export function callable(options, name, otherwise) {
  const value = options[name];
  if (value === undefined) return otherwise;
  if (typeof value !== "function") refuse(name, value, "a function");
  return value;
}
