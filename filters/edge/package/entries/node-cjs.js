// Entry point for Node with CommonJS.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { initSync } from "../glue.js";

initSync({ module: new WebAssembly.Module(readFileSync(join(__dirname, "nearmiss.wasm"))) });
export * from "../src/index.js";
