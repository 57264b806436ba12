// Installs the package, as npm would publish it, in an empty project.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dist } from "./runtimes.mjs";

/** Returns a temporary project with a copy of `example` and the package installed; `remove` deletes it. */
export function createProject(example) {
  if (!existsSync(join(dist, "package.json"))) throw new Error("dist/edge is missing; `make wasm` builds it");
  const folder = mkdtempSync(join(tmpdir(), "nearmiss-edge-"));
  if (example !== undefined) cpSync(example, folder, { recursive: true });
  const npm = (...args) => execFileSync("npm", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const [{ filename, files }] = JSON.parse(npm("pack", dist, "--json", "--silent"));
  npm("install", "--offline", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", `./${filename}`);
  return { folder, files: files.map(({ path }) => path), remove: () => rmSync(folder, { recursive: true }) };
}
