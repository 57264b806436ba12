// Measures the cost of `observe` in Node, compared with counting in plain JavaScript, and the module's start-up time:
// `observe.mjs [ROW …]`.
//
// Prints one row per case, as JSON. The thirteen runs of all cases are interleaved, so that a busy machine affects all alike.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../support/runtimes.mjs";
import { ByHand } from "./by-hand.mjs";

const RUNS = 13;
const ITERATIONS = 200_000;

const only = process.argv.slice(2);
const bytes = readFileSync(join(dist, "nearmiss.wasm"));
const startup = measureStartup();
const { nearMiss } = await import(join(dist, "inline.js"));
const { Handle, initSync } = await import(join(dist, "glue.js"));
initSync({ module: new WebAssembly.Module(bytes) });

const oneUpstream = workload(1);
const thousandUpstreams = workload(1_000);
const handle = new Handle("{}");
handle.start("bench", new Uint8Array(16));
handle.intern("service-0");
const map = new Map();
let moduleMs = 1_795_423_554_000;

const byHand = new ByHand();
const names = Array.from({ length: 1_000 }, (_, number) => `service-${number}`);

const BARE = "a bare Map that counts";
const HAND = "a class by hand";
const cases = [
  { name: "edge/map", what: BARE, body: () => time((number) => map.set(number & 1023, (map.get(number & 1023) ?? 0) + 1)) },
  { name: "edge/by-hand", what: `${HAND}: fates and latencies of 1 000 upstreams`, body: countByHand },
  { name: "edge/face", what: "the call boundary alone (the call is rejected at once)", body: () => time((number) => handle.observe(0, 1_795_423_554_000, 200, 12 + (number & 7), 1)) },
  { name: "edge/module", what: "the module without its JavaScript, 1 upstream", body: () => throughModule() },
  { name: "edge/observe/1", what: "`monitor.observe`, 1 upstream", body: oneUpstream, aim: "60 ns" },
  { name: "edge/observe/1000", what: "`monitor.observe`, 1 000 upstreams", body: thousandUpstreams, aim: "60 ns" },
];

const measured = cases.filter(({ name }) => isSelected(name) || name === "edge/by-hand").map((row) => ({ ...row, samples: [] }));
for (const { body } of measured) body();
for (let run = 0; run < RUNS; run += 1) for (const { body, samples } of measured) samples.push(body());
const baseline = measured.find(({ name }) => name === "edge/by-hand").samples;
for (const { name, what, samples, aim } of measured) {
  const ratio = samples === baseline ? undefined : { peer: HAND, spread: spread(samples.map((value, run) => value / baseline[run])) };
  printRow({ name, what, measured: { unit: "ns", spread: spread(samples), ratio }, aim });
}
printRow({ name: "edge/compiled", what: "the module compiled", measured: { unit: "ms", spread: spread(startup.compiled) } });
printRow({ name: "edge/instantiated", what: "the module instantiated", measured: { unit: "ms", spread: spread(startup.instantiated) } });

function countByHand() {
  return time((number) => byHand.observe(names[number % 1_000], 200, 12 + (number & 7), 1));
}

/** Prints a row in the format of all benches. */
function printRow(row) {
  console.log(JSON.stringify(row));
}

/** Returns true if the arguments name the row or its section, or name nothing. */
function isSelected(name) {
  return only.length === 0 || only.some((wanted) => `${name}/`.startsWith(`${wanted}/`) || `${wanted}/`.startsWith(`${name}/`));
}

/** Returns the nanoseconds that one call of `body` takes, over many calls. */
function time(body) {
  const start = process.hrtime.bigint();
  for (let number = 0; number < ITERATIONS; number += 1) body(number);
  return Number(process.hrtime.bigint() - start) / ITERATIONS;
}

function throughModule() {
  return time((number) => {
    moduleMs += 0.1;
    if (handle.observe(1, moduleMs, 200, 12 + (number & 7), 1) & 16) while (handle.pollRecord() !== undefined);
  });
}

function workload(upstreams) {
  const monitor = nearMiss({ records: "none", random: () => 0.5 });
  const ids = Array.from({ length: upstreams }, (_, number) => monitor.upstream(`service-${number}`));
  let nowMs = 1_795_423_554_000;
  return () =>
    time((number) => {
      nowMs += 0.1;
      monitor.observe(ids[number % upstreams], nowMs, 200, 12 + (number & 7), 1);
    });
}

function measureStartup() {
  const [compiled, instantiated] = [[], []];
  const imports = (module) =>
    Object.fromEntries(WebAssembly.Module.imports(module).map(({ module: name }) => [name, new Proxy({}, { get: () => () => {} })]));
  for (let run = 0; run < RUNS; run += 1) {
    // A custom section with a different name per run prevents the engine from reusing its compilation cache.
    const uncached = Buffer.concat([bytes, Buffer.from([0, 2, 1, 97 + run])]);
    const begin = performance.now();
    const module = new WebAssembly.Module(uncached);
    const middle = performance.now();
    new WebAssembly.Instance(module, imports(module));
    compiled.push(middle - begin);
    instantiated.push(performance.now() - middle);
  }
  return { compiled, instantiated };
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, median, high] = [0.25, 0.5, 0.75].map((share) => sorted[Math.floor((sorted.length - 1) * share)]);
  return { low, median, high };
}
