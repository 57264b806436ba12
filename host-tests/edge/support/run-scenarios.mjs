// Runs scenarios, read from standard input, each on a core handle of its own in Node. Prints one line for each: its records as an array.
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { initSync } from "../../../dist/edge/glue.js";
import { configDocument } from "../../../dist/edge/src/config-document.js";
import { CoreHandle } from "../../../dist/edge/src/core-handle.js";

initSync({ module: new WebAssembly.Module(readFileSync(new URL("../../../dist/edge/nearmiss.wasm", import.meta.url))) });
for (const { name, config, source, steps } of JSON.parse(await text(process.stdin))) {
  const records = [];
  const core = new CoreHandle(configDocument(config), () => source, (record) => records.push(record));
  for (const { exchange, wake, finish } of steps) {
    if (exchange !== undefined && !core.observeFields(core.upstream(exchange.upstream), exchange).valid) {
      throw new Error(`${name}: refused ${JSON.stringify(exchange)}`);
    }
    if (wake !== undefined) core.wake(wake);
    if (finish) core.finish();
  }
  console.log(JSON.stringify(records));
}
