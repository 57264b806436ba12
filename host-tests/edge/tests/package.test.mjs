// The package as npm publishes it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createProject } from "../support/package.mjs";
import { dist, here, root, runtime } from "../support/runtimes.mjs";

let project;
before(() => (project = createProject()));
after(() => project?.remove());

const PROGRAM = `
import { nearMiss } from "nearmiss";
const monitor = nearMiss({ records: "none", now: () => 1795423554000 });
monitor.observe(monitor.upstream("cart"), 1795423554000, 200, 12, 2);
console.log(monitor.metrics().split("\\n").find((line) => line.includes("retried")));
`;
const LINE = 'nearmiss_exchanges_total{upstream="cart",fate="retried"} 1';

/** The same program with another way to load the package. */
const loaded = (load) => PROGRAM.replace('import { nearMiss } from "nearmiss";', load);

test("package: it installs in an empty project and runs in Node, Deno and Bun", () => {
  writeFileSync(join(project.folder, "main.mjs"), PROGRAM);
  for (const [name, ...args] of [["node"], ["deno", "run", "--node-modules-dir=manual"], ["bun"]]) {
    const out = execFileSync(runtime(name), [...args, "main.mjs"], { cwd: project.folder, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
    assert.equal(out.trim(), LINE, name);
  }
});

test("package: it loads as ES module and as CommonJS, with the module's bytes and with a module that the gateway loads", () => {
  const read = 'readFileSync(require.resolve("nearmiss/nearmiss.wasm"))';
  const initialized = (rest) => `const { nearMiss, init } = require("nearmiss/init"); const { readFileSync } = require("node:fs"); ${rest}`;
  const programs = {
    "require.cjs": 'const { nearMiss } = require("nearmiss");',
    "inline.mjs": 'import { nearMiss } from "nearmiss/inline";',
    "inline.cjs": 'const { nearMiss } = require("nearmiss/inline");',
    "init-bytes.cjs": initialized(`init(${read});`),
    "init-module.cjs": initialized(`init(new WebAssembly.Module(${read}));`),
    "init.mjs": 'import { nearMiss, init } from "nearmiss/init"; import { readFile } from "node:fs/promises"; await init(readFile(new URL(import.meta.resolve("nearmiss/nearmiss.wasm"))));',
  };
  for (const [file, load] of Object.entries(programs)) {
    writeFileSync(join(project.folder, file), loaded(load));
    const out = execFileSync(process.execPath, [file], { cwd: project.folder, encoding: "utf8" });
    assert.equal(out.trim(), LINE, file);
  }
});

test("package: without `init`, and with something else than a module, the error says what to do", () => {
  for (const [load, message] of [["", /call `init` with nearmiss.wasm/], ["init(7);", /`init` takes a WebAssembly.Module/]]) {
    writeFileSync(join(project.folder, "early.cjs"), loaded(`const { nearMiss, init } = require("nearmiss/init"); ${load}`));
    assert.throws(() => execFileSync(process.execPath, ["early.cjs"], { cwd: project.folder, encoding: "utf8", stdio: "pipe" }), message);
  }
});

test("package: it contains the licence, a README, types and the module, and no build files", () => {
  const entries = ["worker.js", "inline.js", "inline.cjs", "init.js", "init.cjs", "nearmiss_edge_bg.js"];
  for (const file of ["LICENSE", "README.md", "index.d.ts", "nearmiss.wasm", ...entries]) assert.ok(project.files.includes(file), file);
  assert.deepEqual(project.files.filter((file) => /test|^src|^glue|\.rs$|\.sh$|node_modules/.test(file)), []);
  const { license, dependencies, version } = JSON.parse(readFileSync(join(dist, "package.json"), "utf8"));
  const crates = /^version = "(.*)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))[1];
  assert.deepEqual([license, dependencies, version], ["Apache-2.0", undefined, crates]);
});

test("package: its types compile in strict mode and refuse unknown fields", () => {
  cpSync(join(here, "support/consumer.ts"), join(project.folder, "consumer.ts"));
  const tsc = join(here, "node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--exactOptionalPropertyTypes", "--strict", "--target", "es2023", "--module", "nodenext", "--lib", "es2023,dom,dom.iterable", "consumer.ts"];
  writeFileSync(join(project.folder, "package.json"), '{"type":"module"}');
  try {
    execFileSync(process.execPath, [tsc, ...options], { cwd: project.folder, encoding: "utf8" });
  } catch (error) {
    assert.fail(error.stdout);
  }
});

test("package: the types declare exactly the methods that exist", async () => {
  const { Monitor } = await import(join(dist, "inline.js"));
  const types = readFileSync(join(dist, "index.d.ts"), "utf8");
  const declared = types.match(/export class Monitor \{([\s\S]*?)\n\}/)[1].match(/^ {2}(\w+)(?=[(<])/gm).map((name) => name.trim());
  assert.deepEqual([...new Set(declared)].toSorted(), Object.getOwnPropertyNames(Monitor.prototype).toSorted());
});

test("package: the types declare exactly the fields of the section `edge`", async () => {
  const { nearMiss } = await import(join(dist, "inline.js"));
  const types = readFileSync(join(dist, "index.d.ts"), "utf8");
  const declared = [.../ {2}edge\?: \{([^}]*)\}/.exec(types)[1].matchAll(/(\w+)\?:/g)].map(([, name]) => name);
  assert.throws(() => nearMiss({ config: { edge: { nosuch: 1 } } }), { message: new RegExp(`there are ${declared.join(", ")}$`) });
});

test("package: the Worker example embeds every file of the package that it needs", () => {
  const config = readFileSync(join(here, "../../examples/edge/worker/worker.capnp"), "utf8");
  const embedded = [...config.matchAll(/dist\/edge\/([\w./-]+)"/g)].map(([, file]) => file);
  assert.deepEqual(embedded.toSorted(), ["nearmiss.wasm", "worker.js"]);
});
