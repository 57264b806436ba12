// The package as npm would hand it out, installed in an empty project.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dist } from "./runtimes.mjs";

/** A folder with what is in `example` and the package installed; `remove` takes it away. */
export function projectOf(example) {
  if (!existsSync(join(dist, "package.json"))) throw new Error("dist/edge is missing; `make wasm` builds it");
  const folder = mkdtempSync(join(tmpdir(), "nearmiss-edge-"));
  if (example !== undefined) cpSync(example, folder, { recursive: true });
  const npm = (...words) => execFileSync("npm", words, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const [{ filename, files }] = JSON.parse(npm("pack", dist, "--json", "--silent"));
  npm("install", "--offline", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", `./${filename}`);
  return { folder, files: files.map(({ path }) => path), remove: () => rmSync(folder, { recursive: true }) };
}
