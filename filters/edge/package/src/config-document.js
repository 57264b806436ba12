// The configuration as the module reads it: parsed here, because every runtime has a parser of JSON and the module would need its own.
import { refuse } from "./validate.js";

/** Returns the document of a configuration, an object or its JSON, in the form that the core's src/json/parsed.rs describes. */
export function configDocument(config = {}) {
  if (typeof config === "string") return document(parsed(config));
  const prototype = typeof config === "object" && config !== null ? Object.getPrototypeOf(config) : undefined;
  if (prototype !== null && Object.getPrototypeOf(prototype ?? Object.prototype) !== null) refuse("config", config, "an object or its JSON");
  if (prototype === undefined || Array.isArray(config)) refuse("config", config, "an object or its JSON");
  return document(JSON.parse(JSON.stringify(config)));
}

function parsed(json) {
  try {
    return json.trim() === "" ? {} : JSON.parse(json);
  } catch (error) {
    throw new TypeError(`nearmiss: the configuration is not JSON: ${error.message}`);
  }
}

function document(value) {
  switch (typeof value) {
    case "boolean":
      return value ? "t" : "f";
    case "number":
      return number(value);
    case "string":
      return quoted(value);
  }
  if (value === null) return "n";
  if (Array.isArray(value)) return `[${value.map(document).join("")}]`;
  return `{${Object.entries(value).map(([key, field]) => quoted(key) + document(field)).join("")}}`;
}

function number(value) {
  const isWhole = Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 64;
  if (isWhole) return `${value < 0 ? "" : "+"}${BigInt(value)};`;
  // The module takes no other number of 1e15 or more.
  return `~${Math.round(Math.min(Math.max(value, -1e15), 1e15) * 1000)};`;
}

function quoted(text) {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
