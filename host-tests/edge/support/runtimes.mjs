// The real runtimes, as npm's lockfile brings them, and a clear word where one is missing.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = fileURLToPath(new URL("..", import.meta.url));
export const root = join(here, "../..");
export const dist = join(root, "dist/edge");

const PLACES = {
  workerd: ["@cloudflare", "bin/workerd"],
  deno: ["@deno", "deno"],
  bun: ["@oven", "bin/bun"],
};

/** The program of that name. */
export function runtime(name) {
  if (name === "node") return process.execPath;
  const [scope, path] = PLACES[name];
  const folder = join(here, "node_modules", scope);
  const found = existsSync(folder) ? readdirSync(folder).map((build) => join(folder, build, path)).find(existsSync) : undefined;
  if (found === undefined) throw new Error(`${name} is missing; \`make edge-runtimes\` installs it`);
  return found;
}
