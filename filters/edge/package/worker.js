// Entry point for Workers, which import the module.
import module from "./nearmiss.wasm";
import { initSync } from "./glue.js";

initSync({ module });
export * from "./src/index.js";
