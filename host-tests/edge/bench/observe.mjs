// What `observe` costs from Node, beside a plain Map that counts; how long the module takes to start, and how big it is.
//
// Every figure is the median of eleven runs, taken in turns so that a busy machine troubles all alike.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { dist } from "../support/runtimes.mjs";

const RUNS = 11;
const TURNS = 200_000;

const bytes = readFileSync(join(dist, "nearmiss.wasm"));
const started = start();
const { nearMiss } = await import(join(dist, "node.js"));
const { Watch } = await import(join(dist, "glue.js"));

const one = workload(1);
const thousand = workload(1_000);
const watch = new Watch("{}");
watch.begin("bench");
watch.upstream("service-0");
const map = new Map();
let moduleMs = 1_795_423_554_000;

const cases = {
  "a plain Map that counts": () => each((turn) => map.set(turn & 1023, (map.get(turn & 1023) ?? 0) + 1)),
  "the face alone (refused at the door)": () => each((turn) => watch.observe(0, 1_795_423_554_000, 200, 12 + (turn & 7), 1)),
  "the module, 1 upstream": () => throughModule(),
  "monitor.observe, 1 upstream": one,
  "monitor.observe, 1000 upstreams": thousand,
};

const figures = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (const body of Object.values(cases)) body();
for (let run = 0; run < RUNS; run += 1) for (const [name, body] of Object.entries(cases)) figures[name].push(body());

console.log("edge, from Node " + process.versions.node + ", ns a call (median; quartiles):");
for (const [name, all] of Object.entries(figures)) console.log(`    ${name}: ${middle(all)}`);
console.log(`edge module: ${kib(bytes.length)} KiB raw, ${kib(gzipSync(bytes, { level: 9 }).length)} KiB gzipped`);
console.log(`edge module: compiled in ${middle(started.compiled)} ms, instantiated in ${middle(started.instantiated)} ms`);

/** Times `body` over many turns, in nanoseconds a turn. */
function each(body) {
  const start = process.hrtime.bigint();
  for (let turn = 0; turn < TURNS; turn += 1) body(turn);
  return Number(process.hrtime.bigint() - start) / TURNS;
}

function throughModule() {
  return each((turn) => {
    moduleMs += 0.1;
    if (watch.observe(1, moduleMs, 200, 12 + (turn & 7), 1) & 16) while (watch.record() !== undefined);
  });
}

function workload(upstreams) {
  const monitor = nearMiss({ records: "none", random: () => 0.5 });
  const ids = Array.from({ length: upstreams }, (_, number) => monitor.upstream(`service-${number}`));
  let nowMs = 1_795_423_554_000;
  return () =>
    each((turn) => {
      nowMs += 0.1;
      monitor.observe(ids[turn % upstreams], nowMs, 200, 12 + (turn & 7), 1);
    });
}

function start() {
  const [compiled, instantiated] = [[], []];
  const imports = (module) =>
    Object.fromEntries(WebAssembly.Module.imports(module).map(({ module: name }) => [name, new Proxy({}, { get: () => () => {} })]));
  for (let run = 0; run < RUNS; run += 1) {
    // An empty section of another name each time: the engine would remember the same bytes.
    const fresh = Buffer.concat([bytes, Buffer.from([0, 2, 1, 97 + run])]);
    const begin = performance.now();
    const module = new WebAssembly.Module(fresh);
    const middle = performance.now();
    new WebAssembly.Instance(module, imports(module));
    compiled.push(middle - begin);
    instantiated.push(performance.now() - middle);
  }
  return { compiled, instantiated };
}

function middle(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.floor((sorted.length - 1) * share)].toPrecision(3);
  return `${at(0.5)} (${at(0.25)} to ${at(0.75)})`;
}

function kib(count) {
  return (count / 1024).toFixed(1);
}
