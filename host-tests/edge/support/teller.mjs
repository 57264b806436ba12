// Tells a story of exchanges to the package's own ledger, in Node, and prints the records that it leaves.
import "../../../dist/edge/node.js";
import { Ledger } from "../../../dist/edge/src/ledger.js";
import { text } from "node:stream/consumers";

const { config, source, steps } = JSON.parse(await text(process.stdin));
const ledger = new Ledger(JSON.stringify(config), () => source, (line) => console.log(line));
for (const { exchange, wake, finish } of steps) {
  if (exchange !== undefined && !ledger.take(ledger.upstream(exchange.upstream), exchange).valid) {
    throw new Error(`refused: ${JSON.stringify(exchange)}`);
  }
  if (wake !== undefined) ledger.wake(wake);
  if (finish) ledger.finish();
}
