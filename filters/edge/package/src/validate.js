// Validation of options. Each error names the option, its value and the values that it takes.

/** Throws a `TypeError` for an invalid value. */
export function refuse(name, value, takes) {
  throw new TypeError(`nearmiss: \`${name}\` is ${shown(value)}; it takes ${takes}`);
}

function shown(value) {
  if (typeof value === "string") return JSON.stringify(value);
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** Throws if `options` is not an object or has an unknown option. */
export function refuseUnknown(options, names, where) {
  if (typeof options !== "object" || options === null) refuse(where, options, "an object");
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(`nearmiss: \`${name}\` is not an option of ${where}; the options are ${names.join(", ")}`);
    }
  }
}

/** Returns a number within a range, or `ifMissing`. */
export function numberOption(options, name, min, max, takes, ifMissing) {
  const value = options[name] ?? undefined;
  if (value === undefined) return ifMissing;
  if (typeof value !== "number" || !(value >= min && value <= max)) refuse(name, value, takes);
  return value;
}

/** Returns an integer within a range, or `ifMissing`. */
export function integerOption(options, name, min, max, takes, ifMissing) {
  const value = numberOption(options, name, min, max, takes, ifMissing);
  if (value !== undefined && !Number.isInteger(value)) refuse(name, value, takes);
  return value;
}

/** Returns a duration in milliseconds, above zero and at most one day, or `ifMissing`. */
export function durationOption(options, name, ifMissing) {
  return numberOption(options, name, Number.MIN_VALUE, 86_400_000, "milliseconds, above 0 and at most a day", ifMissing);
}

/** Returns a function, or `ifMissing`. */
export function functionOption(options, name, ifMissing) {
  const value = options[name] ?? undefined;
  if (value === undefined) return ifMissing;
  if (typeof value !== "function") refuse(name, value, "a function");
  return value;
}
