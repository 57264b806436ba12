// What `observe` costs from Node, beside plain JavaScript that counts; how long the module takes to start: `observe.mjs [ROW …]`.
//
// Thirteen runs, taken in turns so that a busy machine troubles all alike; a row each, as JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../support/runtimes.mjs";
import { ByHand } from "./by-hand.mjs";

const RUNS = 13;
const TURNS = 200_000;

const only = process.argv.slice(2);
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

const byHand = new ByHand();
const names = Array.from({ length: 1_000 }, (_, number) => `service-${number}`);

const BARE = "a bare Map that counts";
const HAND = "a class by hand";
const cases = [
  { name: "edge/map", what: BARE, body: () => each((turn) => map.set(turn & 1023, (map.get(turn & 1023) ?? 0) + 1)) },
  { name: "edge/by-hand", what: `${HAND}: fates and latencies of 1 000 upstreams`, body: countByHand },
  { name: "edge/face", what: "the face alone (refused at the door)", body: () => each((turn) => watch.observe(0, 1_795_423_554_000, 200, 12 + (turn & 7), 1)) },
  { name: "edge/module", what: "the module without its JavaScript, 1 upstream", body: () => throughModule() },
  { name: "edge/observe/1", what: "`monitor.observe`, 1 upstream", body: one, aim: "60 ns" },
  { name: "edge/observe/1000", what: "`monitor.observe`, 1 000 upstreams", body: thousand, aim: "60 ns" },
];

const measured = cases.filter(({ name }) => wants(name) || name === "edge/by-hand").map((one) => ({ ...one, samples: [] }));
for (const { body } of measured) body();
for (let run = 0; run < RUNS; run += 1) for (const { body, samples } of measured) samples.push(body());
const peer = measured.find(({ name }) => name === "edge/by-hand").samples;
for (const { name, what, samples, aim } of measured) {
  const ratio = samples === peer ? undefined : { peer: HAND, spread: spread(samples.map((value, run) => value / peer[run])) };
  tell({ name, what, measured: { unit: "ns", spread: spread(samples), ratio }, aim });
}
tell({ name: "edge/compiled", what: "the module compiled", measured: { unit: "ms", spread: spread(started.compiled) } });
tell({ name: "edge/instantiated", what: "the module instantiated", measured: { unit: "ms", spread: spread(started.instantiated) } });

function countByHand() {
  return each((turn) => byHand.observe(names[turn % 1_000], 200, 12 + (turn & 7), 1));
}

/** Writes a row, as every bench does. */
function tell(row) {
  console.log(JSON.stringify(row));
}

/** Whether a row is named among the arguments, or its section; no name means all. */
function wants(name) {
  return only.length === 0 || only.some((wanted) => `${name}/`.startsWith(`${wanted}/`) || `${wanted}/`.startsWith(`${name}/`));
}

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

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, median, high] = [0.25, 0.5, 0.75].map((share) => sorted[Math.floor((sorted.length - 1) * share)]);
  return { low, median, high };
}
