// Runs a scenario, read from standard input, on the package's core handle in Node and prints the records.
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { initSync } from "../../../dist/edge/glue.js";
import { configDocument } from "../../../dist/edge/src/config-document.js";
import { CoreHandle } from "../../../dist/edge/src/core-handle.js";

initSync({ module: new WebAssembly.Module(readFileSync(new URL("../../../dist/edge/nearmiss.wasm", import.meta.url))) });
const { config, source, steps } = JSON.parse(await text(process.stdin));
const core = new CoreHandle(configDocument(config), () => source, (line) => console.log(line));
for (const { exchange, wake, finish } of steps) {
  if (exchange !== undefined && !core.observeFields(core.upstream(exchange.upstream), exchange).valid) {
    throw new Error(`refused: ${JSON.stringify(exchange)}`);
  }
  if (wake !== undefined) core.wake(wake);
  if (finish) core.finish();
}
