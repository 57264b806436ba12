// The package in every bundler and package checker: each bundle is built in an empty project, moved away from it, and run.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { EdgeVM } from "@edge-runtime/vm";
import nodeResolve from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import * as vite from "vite";
import webpack from "webpack";
import { createProject } from "../edge/support/package.mjs";
import { dist, runtime } from "../edge/support/runtimes.mjs";

const bin = (name) => fileURLToPath(new URL(`node_modules/.bin/${name}`, import.meta.url));
const BODY = `
const monitor = nearMiss({ records: "none", now: () => 1795423554000 });
monitor.observe(monitor.upstream("cart"), 1795423554000, 200, 12, 2);
globalThis.console.log(monitor.metrics().split("\\n").find((line) => line.includes("retried")));
`;
const LINE = 'nearmiss_exchanges_total{upstream="cart",fate="retried"} 1';

let project, elsewhere, input, required;
before(() => {
  project = createProject();
  elsewhere = mkdtempSync(join(tmpdir(), "nearmiss-bundle-"));
  input = join(project.folder, "main.mjs");
  required = join(project.folder, "main.cjs");
  writeFileSync(input, `import { nearMiss } from "nearmiss";${BODY}`);
  writeFileSync(required, `const { nearMiss } = require("nearmiss");${BODY}`);
  writeFileSync(join(project.folder, "package.json"), '{"name":"gateway","private":true}');
});
after(() => {
  project?.remove();
  rmSync(elsewhere, { recursive: true });
});

const path = (name) => join(elsewhere, name);
const run = (program, ...args) => execFileSync(program, args, { cwd: elsewhere, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
const inProject = (program, ...args) => execFileSync(program, args, { cwd: project.folder, encoding: "utf8", stdio: "pipe" });

for (const [format, extension] of [["esm", "mjs"], ["cjs", "cjs"]]) {
  for (const source of ["import", "require"]) {
    test(`bundlers: esbuild for Node, ${format}, with ${source}`, async () => {
      const outfile = path(`esbuild-${source}.${extension}`);
      await esbuild.build({ entryPoints: [source === "import" ? input : required], outfile, bundle: true, platform: "node", format, logLevel: "silent" });
      assert.equal(run("node", outfile), LINE);
    });
  }
}

for (const condition of ["edge-light", "worker", "browser"]) {
  test(`bundlers: esbuild with the condition ${condition}, in an edge VM without Node's modules`, async () => {
    const options = { entryPoints: [input], bundle: true, format: "iife", conditions: [condition], write: false, logLevel: "silent" };
    const { outputFiles } = await esbuild.build(options);
    const lines = [];
    const vm = new EdgeVM({ extend: (context) => Object.assign(context, { console: { log: (line) => lines.push(line) } }) });
    vm.evaluate(outputFiles[0].text);
    assert.deepEqual(lines, [LINE]);
  });
}

test("bundlers: in an edge VM, requests are retried, timed out, answered by the fallback, and counted", async () => {
  const entry = join(project.folder, "edge.mjs");
  writeFileSync(entry, `import { nearMiss } from "nearmiss";
const monitor = nearMiss({ records: "none", onWarning: () => {} });
let calls = 0;
const flaky = async (request) => ((calls += 1), calls === 1 ? new Response("no", { status: 503 }) : new Response(await request.text()));
const silent = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
globalThis.result = (async () => {
  const retried = await monitor.fetch(new Request("http://cart/", { method: "PUT", body: "apples" }), { upstream: "cart", retries: 1, hedge: 5_000, deadline: 5_000, fetch: flaky });
  const spare = await monitor.fetch("http://cart/", { upstream: "cart", timeout: 50, fetch: silent, fallback: () => new Response("spare") });
  const caller = new AbortController();
  setTimeout(() => caller.abort(), 50);
  const aborted = await monitor.fetch(new Request("http://cart/", { signal: caller.signal }), { upstream: "cart", fetch: silent }).catch(({ name }) => name);
  const texts = [await retried.text(), await spare.text(), aborted];
  await monitor.finish();
  const { retried: a, fallback: b, clean: c } = monitor.stats().upstreams.cart.fates;
  return JSON.stringify([...texts, a, b, c]);
})();`);
  const options = { entryPoints: [entry], bundle: true, format: "iife", conditions: ["edge-light"], write: false, logLevel: "silent" };
  const { outputFiles } = await esbuild.build(options);
  const vm = new EdgeVM();
  vm.evaluate(outputFiles[0].text);
  assert.deepEqual(JSON.parse(await vm.evaluate("globalThis.result")), ["apples", "spare", "AbortError", 1, 1, 1]);
});

test("bundlers: esbuild with the condition workerd takes the module along", async () => {
  const outdir = path("workerd");
  await esbuild.build({ entryPoints: [input], outdir, bundle: true, format: "esm", conditions: ["workerd"], loader: { ".wasm": "copy" }, logLevel: "silent" });
  assert.match(readFileSync(join(outdir, "main.js"), "utf8"), /from "\.\/nearmiss-\w+\.wasm"/);
});

test("bundlers: rollup", async () => {
  const bundle = await rollup({ input, plugins: [nodeResolve()], onwarn: () => {} });
  await bundle.write({ file: path("rollup.mjs"), format: "es" });
  assert.equal(run("node", path("rollup.mjs")), LINE);
});

for (const noExternal of [true, undefined]) {
  test(`bundlers: vite for servers, ${noExternal ? "everything bundled" : "with the package external"}`, async () => {
    const outDir = noExternal ? path("vite") : join(project.folder, "vite");
    const build = { ssr: input, outDir, emptyOutDir: true, rollupOptions: { output: { entryFileNames: "main.mjs" } } };
    await vite.build({ root: project.folder, configFile: false, logLevel: "silent", ssr: { noExternal }, build });
    assert.equal(run("node", join(outDir, "main.mjs")), LINE);
  });
}

for (const [name, entry, options] of [
  ["for Node, as CommonJS", "import", { target: "node" }],
  ["for Node, with require", "require", { target: "node" }],
  ["for web workers, with the condition workerd", "import", { target: "webworker", resolve: { conditionNames: ["workerd", "import"] }, experiments: { asyncWebAssembly: true }, isBuiltOnly: true }],
  ["for web workers", "import", { target: "webworker" }],
]) {
  test(`bundlers: webpack ${name}`, async () => {
    const { isBuiltOnly, ...config } = options;
    const filename = `webpack-${name.replaceAll(/\W/g, "-")}.cjs`;
    const compiler = webpack({ mode: "production", context: project.folder, entry: entry === "import" ? input : required, output: { path: elsewhere, filename, globalObject: "globalThis" }, ...config });
    const stats = await new Promise((resolve, reject) => compiler.run((error, result) => (error ? reject(error) : resolve(result))));
    assert.deepEqual(stats.toJson({ errors: true }).errors.map(({ message }) => message), []);
    if (!isBuiltOnly) assert.equal(run("node", path(filename)), LINE);
  });
}

test("bundlers: bun build and bun build --compile", () => {
  inProject(runtime("bun"), "build", "--target=bun", `--outfile=${path("bun.js")}`, input);
  assert.equal(run(runtime("bun"), path("bun.js")), LINE);
  inProject(runtime("bun"), "build", "--compile", `--outfile=${path("bun-compiled")}`, input);
  assert.equal(run(path("bun-compiled")), LINE);
});

test("bundlers: deno bundle", () => {
  inProject(runtime("deno"), "bundle", "--node-modules-dir=manual", "-o", path("deno.mjs"), input);
  assert.equal(run(runtime("deno"), "run", path("deno.mjs")), LINE);
});

test("bundlers: Yarn's Plug'n'Play, from the archive, as ES module and as CommonJS", () => {
  const folder = join(project.folder, "pnp");
  mkdirSync(folder);
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", dist, "--json", "--silent"], { cwd: folder, encoding: "utf8" }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "shop", private: true, dependencies: { nearmiss: `file:./${filename}` } }));
  writeFileSync(join(folder, ".yarnrc.yml"), "nodeLinker: pnp\nenableTelemetry: false\nenableNetwork: false\nenableGlobalCache: false\nenableImmutableInstalls: false\n");
  writeFileSync(join(folder, "yarn.lock"), "");
  writeFileSync(join(folder, "main.mjs"), readFileSync(input));
  writeFileSync(join(folder, "main.cjs"), readFileSync(required));
  const yarn = (...args) => execFileSync(process.execPath, [fileURLToPath(new URL("node_modules/@yarnpkg/cli-dist/bin/yarn.js", import.meta.url)), ...args], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  yarn("install");
  for (const file of ["main.mjs", "main.cjs"]) assert.equal(yarn("node", file).trim(), LINE, file);
});

test("bundlers: jest, which requires", () => {
  const folder = join(project.folder, "jest");
  mkdirSync(folder);
  writeFileSync(join(folder, "main.test.js"), `const { nearMiss } = require("nearmiss"); test("loads", () => { expect(nearMiss({ records: "none" }).metrics()).toContain("nearmiss_invalid_total 0"); });`);
  inProject(bin("jest"), "--rootDir", folder, "--env", "node");
});

test("bundlers: publint and attw find no fault", () => {
  inProject(bin("publint"), join(project.folder, "node_modules/nearmiss"), "--strict");
  const tarball = JSON.parse(inProject("npm", "pack", dist, "--json", "--silent"))[0].filename;
  try {
    inProject(bin("attw"), join(project.folder, tarball), "--no-color");
  } catch (error) {
    assert.fail(error.stdout);
  }
});
