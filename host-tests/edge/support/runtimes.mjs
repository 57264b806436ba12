// The real runtimes, installed from npm's lockfile.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = fileURLToPath(new URL("..", import.meta.url));
export const root = join(here, "../..");
export const dist = join(root, "dist/edge");

const PATHS = {
  workerd: ["@cloudflare", "bin/workerd"],
  deno: ["@deno", "deno"],
  bun: ["@oven", "bin/bun"],
};

/** Returns the path of a runtime's executable. */
export function runtime(name) {
  if (name === "node") return process.execPath;
  const [scope, path] = PATHS[name];
  const folder = join(here, "node_modules", scope);
  const found = existsSync(folder) ? readdirSync(folder).map((build) => join(folder, build, path)).find(existsSync) : undefined;
  if (found === undefined) throw new Error(`${name} is missing; \`make edge-runtimes\` installs it`);
  return found;
}
