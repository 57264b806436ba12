// Entry point for Node, which reads the module from a file.
import { readFileSync } from "node:fs";
import { initSync } from "../glue.js";

initSync({ module: new WebAssembly.Module(readFileSync(new URL("./nearmiss.wasm", import.meta.url))) });
export * from "../src/index.js";
