// Runs the checks in Node, Deno or Bun: `run-fidelity.mjs PACKAGE ORIGIN`; prints one JSON line per check.
import process from "node:process";
import { checks } from "./fidelity.mjs";

const [, , entry, origin] = process.argv;
const { nearMiss } = await import(entry);
for (const [name, check] of Object.entries(checks({ nearMiss, origin }))) {
  const error = await check().then(() => undefined, (failure) => failure?.stack ?? String(failure));
  console.log(JSON.stringify({ name, error }));
}
process.exit(0);
